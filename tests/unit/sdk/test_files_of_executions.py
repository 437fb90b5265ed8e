"""Files that go into runs, and files that come out of executions."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pumphouse.sdk import InputSource, InvalidParameters, PumphouseSdk
from tests.unit.sdk.fake_platform import FakePlatform, form_of, octets, ok

RUN = "POST /api/v1/pipelines/count/run"
PIPELINE = "GET /api/v1/pipelines/count"
OUTPUTS = "GET /api/v1/executions/e1/outputs"
READ = "GET /api/v1/executions/e1"

DECLARED = {
    "parameters": {
        "inputs": [
            {"name": "table", "data_type": "file"},
            {"name": "title", "data_type": "string"},
        ]
    }
}


def item(kind: str, name: str, mapping_type: str, data_type: str = "file") -> dict[str, Any]:
    return {
        f"pipeline_{kind}_name": name,
        "data_type": data_type,
        "mapping_type": mapping_type,
        "mapping_value": {},
    }


@pytest.fixture(autouse=True)
def _pipeline(platform: FakePlatform) -> None:
    platform.on(PIPELINE, ok(DECLARED))
    platform.on(RUN, httpx.Response(201, json={"execution_id": "e1"}))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tâble.csv"
    path.write_bytes(b"a,b\r\n1,2\n")
    return path


def sent(platform: FakePlatform) -> dict[str, tuple[str | None, bytes]]:
    return form_of(platform.asked(RUN)[-1])


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_is_given_by_its_path(
    sdk: PumphouseSdk, platform: FakePlatform, table: Path, as_text: bool
) -> None:
    inputs = {"table": str(table) if as_text else table, "title": str(table)}
    sdk.run_pipeline("count", inputs, wait_for_completion=False)
    form = sent(platform)
    assert form["table"] == ("tâble.csv", b"a,b\r\n1,2\n")
    assert json.loads(form["json_inputs"][1]) == {"title": str(table)}


def test_a_file_is_given_as_bytes(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    sdk.run_pipeline("count", {"table": b"\0content"}, wait_for_completion=False)
    assert sent(platform) == {"json_inputs": (None, b"{}"), "table": ("table", b"\0content")}


def test_a_stream_is_sent_from_where_it_stands_and_stays_open(
    sdk: PumphouseSdk, platform: FakePlatform, table: Path
) -> None:
    with table.open("rb") as stream:
        stream.readline()
        sdk.run_pipeline("count", {"table": stream}, wait_for_completion=False)
        assert not stream.closed
    assert sent(platform)["table"] == ("tâble.csv", b"1,2\n")


class Once(io.RawIOBase):
    """A stream that gives its bytes three at a time, once, and no more is known of it."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(min(size, 3))


def test_a_stream_of_unknown_size_is_sent_as_it_comes(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    sdk.run_pipeline("count", {"table": Once(b"0123456789")}, wait_for_completion=False)
    assert sent(platform)["table"] == ("table", b"0123456789")
    assert platform.asked(RUN)[0].headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize("stream", [io.StringIO("text"), "a text file"])
def test_a_text_stream_is_refused(
    sdk: PumphouseSdk, platform: FakePlatform, table: Path, stream: Any
) -> None:
    with table.open() as file, pytest.raises(InvalidParameters, match=r"'table'.* binary mode"):
        sdk.run_pipeline("count", {"table": file if stream == "a text file" else stream})
    assert platform.asked(RUN) == []


def test_a_path_where_no_file_is_starts_nothing(
    sdk: PumphouseSdk, platform: FakePlatform, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        sdk.run_pipeline("count", {"table": str(tmp_path / "nothing.csv")})
    assert platform.asked(RUN) == []


def test_no_file_is_none(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    sdk.run_pipeline("count", {"table": None}, wait_for_completion=False)
    assert platform.asked(RUN)[0].content == b"json_inputs=%7B%22table%22%3A+null%7D"


def test_files_and_mappings_go_together(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    mapping = [InputSource("title", constant_value="T")]
    sdk.run_pipeline("count", {"table": b"x"}, mapping, wait_for_completion=False)
    assert json.loads(sent(platform)["inputs_mapping"][1]) == [
        {"pipeline_input_name": "title", "constant_value": "T"}
    ]


def test_a_run_without_texts_does_not_ask_what_is_a_file(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    sdk.run_pipeline("count", {"table": b"x", "count": 1}, wait_for_completion=False)
    assert platform.asked(PIPELINE) == []


@pytest.fixture
def contents(platform: FakePlatform) -> dict[str, bytes | None]:
    """What the files of the execution hold, by name."""
    found = {"report": b"\0\r\n", "empty": b"", "ok": b"OK", "absent": None}
    for kind in ("inputs", "outputs"):
        for name, content in found.items():
            answer = httpx.Response(204) if content is None else octets(content)
            platform.on(f"GET /api/v1/executions/e1/{kind}/{name}", answer)
    return found


def test_files_that_a_run_gives_are_bytes(
    sdk: PumphouseSdk, platform: FakePlatform, contents: dict[str, bytes | None]
) -> None:
    count = {**item("output", "count", "run", "number"), "value": 3}
    stored = item("output", "stored", "datastore")
    files = [item("output", name, "run") for name in contents]
    platform.on(OUTPUTS, ok({"outputs": [count, stored, *files]}))
    outputs = sdk.run_pipeline("count")["outputs"]
    assert outputs == {"count": 3, "stored": None, **contents}


def test_an_execution_shows_its_files(
    sdk: PumphouseSdk, platform: FakePlatform, contents: dict[str, bytes | None]
) -> None:
    stored = "GET /api/v1/executions/e1/outputs/stored"
    platform.on(stored, octets(b"stored"))
    platform.on(
        READ,
        ok(
            {
                "status": "Succeeded",
                "inputs": [item("input", "report", "run"), item("input", "kept", "datastore")],
                "outputs": [item("output", "absent", "run"), item("output", "stored", "datastore")],
            }
        ),
    )
    found = sdk.get_pipeline_execution("e1")
    assert [shown["value"] for shown in found["inputs"]] == [b"\0\r\n", None]
    assert [shown["value"] for shown in found["outputs"]] == [None, b"stored"]


def test_outputs_of_an_execution_that_goes_on_are_not_asked_for(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    outputs = [item("output", "report", "run")]
    platform.on(READ, ok({"status": "Running", "inputs": [], "outputs": outputs}))
    assert sdk.get_pipeline_execution("e1")["outputs"][0]["value"] is None


def test_one_file_is_read_alone(
    sdk: PumphouseSdk, platform: FakePlatform, contents: dict[str, bytes | None]
) -> None:
    rows = {
        "inputs": [item("input", "ok", "run")],
        "outputs": [item("output", "empty", "endpoint")],
    }
    platform.on(READ, ok({"status": "Succeeded", **rows}))
    assert sdk.get_pipeline_execution_input("e1", "ok")["value"] == b"OK"
    assert sdk.get_pipeline_execution_output("e1", "empty")["value"] == b""
