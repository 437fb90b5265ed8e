"""Files and the data store, with our client, with the official one and with curl."""

import io
import json
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumphouse.sdk import (
    ExecutionFailed,
    Input,
    InputSource,
    InvalidParameters,
    NotFound,
    Output,
    OutputDestination,
    PumphouseSdk,
)
from tests.acceptance.conftest import Platform
from tests.acceptance.guides.callers import official_client

PART = 5 * 2**20

REVERSE = """
def reverse(source, suffix=""):
    with open(source["path"], "rb") as file:
        content = file.read()
    with open("reversed.bin", "wb") as file:
        file.write(content[::-1] + suffix.encode())
    name = source["path"].rpartition("/")[2]
    return {"result": {"path": "reversed.bin"}, "size": len(content), "name": name}
"""


@pytest.fixture(params=["sdk", "official sdk"])
def client(request: pytest.FixtureRequest, sdk: PumphouseSdk, platform: Platform) -> Iterator[Any]:
    """Either client: the calls are the same."""
    if request.param == "sdk":
        yield sdk
    else:
        with official_client(platform.url, platform.token) as official:
            yield official


@pytest.fixture
def reverse(sdk: PumphouseSdk, nothing_left: None, tmp_path: Path) -> str:
    """The name of a pipeline that turns a file round."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(REVERSE)
    sdk.create_pipeline(
        "reverse",
        "main.py",
        "reverse",
        container_config={"local_folder": folder},
        inputs=[Input("source", "file"), Input("suffix", "string")],
        outputs=[Output("result", "file"), Output("size", "number"), Output("name", "string")],
    )
    return "reverse"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAFT_AI__MULTIPART_THRESHOLD__B", str(PART))
    monkeypatch.setenv("CRAFT_AI__MULTIPART_PART_SIZE__B", str(PART))


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def stored(client: Any, path: str) -> bytes:
    buffer = io.BytesIO()
    client.download_data_store_object(path, buffer)
    return buffer.read()


def test_either_client_reads_what_the_other_has_stored(
    client: Any, sdk: PumphouseSdk, nothing_left: None, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(content_of(3000))
    client.upload_data_store_object(str(tmp_path / "in"), "folder/é +b.bin")
    assert stored(sdk, "folder/é +b.bin") == content_of(3000)
    sdk.upload_data_store_object(content_of(1536), "/other/c.bin")
    assert stored(client, "other/c.bin") == content_of(1536)
    found = client.get_data_store_object_information("other/c.bin")
    assert found == sdk.get_data_store_object_information("/other/c.bin")
    assert (found["path"], found["size"]) == ("other/c.bin", "1.50 KB")
    assert client.list_data_store_objects() == sdk.list_data_store_objects()
    assert client.list_data_store_objects("other/") == [found]
    assert client.delete_data_store_object("other/c.bin") == {"path": "other/c.bin"}
    with pytest.raises(NotFound):
        stored(sdk, "other/c.bin")


@pytest.mark.parametrize("size", [0, PART - 1, PART, PART + 1, 3 * PART + 1])
def test_no_byte_of_an_upload_is_lost(
    sdk: PumphouseSdk, nothing_left: None, small_parts: None, size: int
) -> None:
    sdk.upload_data_store_object(io.BytesIO(content_of(size)), "large")
    assert stored(sdk, "large") == content_of(size)


def test_a_pipe_is_stored(sdk: PumphouseSdk, nothing_left: None, small_parts: None) -> None:
    command = ["head", "-c", str(2 * PART + 1), "/dev/zero"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        sdk.upload_data_store_object(process.stdout, "zeros")
    assert stored(sdk, "zeros") == bytes(2 * PART + 1)


@pytest.mark.parametrize("path", ["", "/", "a//b", "a/../b", "./a", "a/", "é" * 600, "a\0b"])
def test_a_path_that_cannot_be_used_is_refused(
    sdk: PumphouseSdk, nothing_left: None, path: str
) -> None:
    for call in (
        lambda: sdk.upload_data_store_object(b"x", path),
        lambda: sdk.download_data_store_object(path, io.BytesIO()),
        lambda: sdk.get_data_store_object_information(path),
        lambda: sdk.delete_data_store_object(path),
    ):
        with pytest.raises(InvalidParameters, match="path"):
            call()
    assert sdk.list_data_store_objects() == []


@pytest.mark.parametrize("kind", ["path", "bytes", "stream"])
def test_a_file_goes_into_a_run_and_another_comes_out(
    client: Any, reverse: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"0123\r\n\0\xff")
    with path.open("rb") as stream:
        given = {"path": str(path), "bytes": path.read_bytes(), "stream": stream}[kind]
        done = client.run_pipeline(reverse, {"source": given, "suffix": "é"})
    name = "source" if kind == "bytes" else "data.bin"
    result = b"\xff\0\n\r3210" + "é".encode()
    assert done["outputs"] == {"result": result, "size": 8, "name": name}
    execution = client.get_pipeline_execution(done["execution_id"])
    assert execution["inputs"][0]["value"] == path.read_bytes()
    assert execution["outputs"][0]["value"] == result
    found = client.get_pipeline_execution_output(done["execution_id"], "result")
    assert found["value"] == result


def test_a_pipe_goes_into_a_run(sdk: PumphouseSdk, reverse: str) -> None:
    command = ["head", "-c", "300000", "/dev/zero"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        done = sdk.run_pipeline(reverse, {"source": process.stdout, "suffix": "!"})
    assert done["outputs"]["result"] == bytes(300_000) + b"!"


@pytest.mark.parametrize("mode", ["elastic", "low_latency"])
@pytest.mark.parametrize("has_token", [True, False])
def test_a_file_goes_into_an_endpoint_and_another_comes_out(
    client: Any, sdk: PumphouseSdk, reverse: str, mode: str, has_token: bool
) -> None:
    endpoint = sdk.create_deployment(reverse, "reverse", "endpoint", mode)
    token = endpoint["endpoint_token"] if has_token else None
    inputs = {"source": io.BytesIO(b"abc"), "suffix": "!"}
    called = client.trigger_endpoint("reverse", token, inputs)
    assert called["outputs"] == {"result": b"cba!", "size": 3, "name": "source"}


def test_a_call_with_a_file_is_collected_later(
    client: Any, sdk: PumphouseSdk, reverse: str
) -> None:
    token = sdk.create_deployment(reverse, "reverse", "endpoint")["endpoint_token"]
    started = client.trigger_endpoint("reverse", token, {"source": b"abc"}, False)
    collected = client.retrieve_endpoint_results("reverse", started["execution_id"], token)
    assert collected["outputs"]["result"] == b"cba"


def curl(*arguments: str) -> bytes:
    command = ["curl", "--silent", "--show-error", "--fail", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_curl_sends_a_file_and_stores_another(
    sdk: PumphouseSdk, platform: Platform, reverse: str, tmp_path: Path
) -> None:
    dropped = [OutputDestination(name, is_null=True) for name in ("size", "name")]
    endpoint = sdk.create_deployment(reverse, "reverse", "endpoint", outputs_mapping=dropped)
    (tmp_path / "in").write_bytes(content_of(200_000))
    curl(
        f"{platform.url}/endpoints/reverse",
        *("-H", f"Authorization: EndpointToken {endpoint['endpoint_token']}"),
        *("-F", f"source=@{tmp_path / 'in'}", "-F", "suffix=plain text"),
        *("-o", str(tmp_path / "out")),
    )
    assert (tmp_path / "out").read_bytes() == content_of(200_000)[::-1] + b"plain text"


def test_curl_finds_a_file_among_other_outputs(
    sdk: PumphouseSdk, platform: Platform, reverse: str, tmp_path: Path
) -> None:
    token = sdk.create_deployment(reverse, "reverse", "endpoint")["endpoint_token"]
    (tmp_path / "in").write_bytes(b"abc")
    header = ("-H", f"Authorization: EndpointToken {token}")
    address = f"{platform.url}/endpoints/reverse"
    outputs = json.loads(curl(address, *header, "-F", f"source=@{tmp_path / 'in'}"))["outputs"]
    assert outputs["size"] == 3
    assert curl(outputs["result"]["url"], *header) == b"cba"


def test_files_come_from_the_data_store_and_go_there(
    client: Any, sdk: PumphouseSdk, reverse: str
) -> None:
    sdk.upload_data_store_object(b"abc", "in/source.bin")
    sources = [
        InputSource("source", datastore_path="in/source.bin"),
        InputSource("suffix", constant_value=""),
    ]
    targets = [OutputDestination("result", datastore_path="out/{date}/{execution_id}.bin")]
    done = sdk.run_pipeline(reverse, None, sources, targets)
    assert done["outputs"] == {"result": None, "size": 3, "name": "source.bin"}
    endpoint = sdk.create_deployment(
        reverse, "reverse", "endpoint", inputs_mapping=sources, outputs_mapping=targets
    )
    called = client.trigger_endpoint("reverse", endpoint["endpoint_token"])
    assert called["outputs"] == {"size": 3, "name": "source.bin"}
    written = {
        item["path"].rpartition("/")[2]: item["path"]
        for item in client.iter_data_store_objects("out")
    }
    ids = (done["execution_id"], called["execution_id"])
    assert written.keys() == {f"{execution_id}.bin" for execution_id in ids}
    assert {stored(client, path) for path in written.values()} == {b"cba"}
    execution = client.get_pipeline_execution(called["execution_id"])
    assert execution["outputs"][0]["value"] == b"cba"


def test_a_file_that_is_absent_fails_the_execution_and_is_named(
    sdk: PumphouseSdk, reverse: str
) -> None:
    source = InputSource("source", datastore_path="nowhere/in.bin")
    with pytest.raises(ExecutionFailed, match=r"nowhere/in\.bin"):
        sdk.run_pipeline(reverse, inputs_mapping=[source])


def test_two_files_are_too_many_for_an_endpoint(
    sdk: PumphouseSdk, nothing_left: None, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("def two(a, b):\n    return {}\n")
    files = [Input("a", "file"), Input("b", "file")]
    config = {"local_folder": tmp_path}
    sdk.create_pipeline("two", "main.py", "two", container_config=config, inputs=files)
    assert sdk.run_pipeline("two", {"a": b"1", "b": b"2"})["outputs"] == {}
    with pytest.raises(InvalidParameters, match="file"):
        sdk.create_deployment("two", "two", "endpoint")


def test_the_code_of_a_pipeline_is_downloaded(client: Any, reverse: str, tmp_path: Path) -> None:
    client.download_pipeline_local_folder(reverse, str(tmp_path))
    with tarfile.open(tmp_path / "reverse.tgz") as archive:
        code = archive.extractfile("main.py")
        assert code is not None
        assert code.read().decode() == REVERSE
