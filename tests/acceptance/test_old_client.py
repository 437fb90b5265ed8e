"""Version 0.60.0 of the official client: its acceptance suite, and what that does not reach."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import Platform
from tests.acceptance.official_client import (
    client_of,
    old_client_folder,
    old_client_module,
    run_suite,
)
from tests.stack import eventually

NO_BYTES = "0.60.0 takes a file as a path or a stream, and not as bytes"
NO_FOLDERS = "0.60.0 lists the whole data store, and no folder of it"
NO_OUTPUTS_LATER = "0.60.0 has no retrieve_pipeline_execution_outputs"
NO_TEMPLATES = "0.60.0 has no templates"
NO_VECTORS = "0.60.0 has no vector database"
NEEDS_ENDPOINT_TOKEN = "0.60.0 triggers with the token of the endpoint alone"

LACKING = {
    "test_open_account.py::test_vector_database_answers_clearly": NO_VECTORS,
    "test_open_endpoint.py::test_failing_code": NEEDS_ENDPOINT_TOKEN,
    "test_open_endpoint.py::test_file_in_and_out_with_the_sdk[False]": NEEDS_ENDPOINT_TOKEN,
    "test_open_endpoint.py::test_trigger_then_retrieve": NEEDS_ENDPOINT_TOKEN,
    "test_open_endpoint.py::test_trigger_with_the_sdk_token": NEEDS_ENDPOINT_TOKEN,
    "test_open_endpoint.py::test_unknown_endpoint": NEEDS_ENDPOINT_TOKEN,
    "test_open_pipelines.py::test_templates": NO_TEMPLATES,
    "test_open_run.py::test_file_in_and_out[bytes]": NO_BYTES,
    "test_open_run.py::test_file_values_of_an_execution": NO_BYTES,
    "test_open_run.py::test_run_without_waiting": NO_OUTPUTS_LATER,
    "test_open_run.py::test_unknown_execution": NO_OUTPUTS_LATER,
    "test_open_storage.py::test_listing": NO_FOLDERS,
}

PART = 5 * 2**20

COPY = """
def copy(source):
    with open(source["path"], "rb") as file:
        content = file.read()
    with open("copied", "wb") as file:
        file.write(content)
    return {"copied_file": {"path": "copied"}, "size": len(content)}
"""
SLEEP = "import time\ndef sleep(s):\n    time.sleep(s)\n    return {'slept': s}\n"
FAIL = "def fail():\n    raise RuntimeError('kaboom-815')\n"


@pytest.fixture(scope="module")
def old() -> Any:
    return old_client_module()


@pytest.fixture
def sdk(old: Any, platform: Platform) -> Iterator[Any]:
    with client_of(old, platform) as client:
        yield client


@pytest.fixture
def function(sdk: Any, old: Any, tmp_path: Path) -> Iterator[Any]:
    """Makes a pipeline of code, called as its function is, and deletes it after the test."""
    made: list[str] = []

    def make(code: str, inputs: list[Any], outputs: list[Any]) -> str:
        name = code.partition("def ")[2].partition("(")[0]
        (tmp_path / "main.py").write_text(code)
        made.append(name)
        sdk.create_pipeline(
            name,
            "main.py",
            name,
            container_config={"local_folder": str(tmp_path)},
            inputs=inputs,
            outputs=outputs,
        )
        return name

    yield make
    for name in made:
        sdk.delete_pipeline(name, force_deployments_deletion=True)


@pytest.fixture
def copy(function: Any, old: Any) -> str:
    outputs = [old.Output("copied_file", "file"), old.Output("size", "number")]
    name: str = function(COPY, [old.Input("source", "file")], outputs)
    return name


@pytest.fixture
def sleep(function: Any, old: Any) -> str:
    name: str = function(SLEEP, [old.Input("s", "number")], [old.Output("slept", "number")])
    return name


@pytest.mark.timeout(1200)
def test_version_0_60_0_finds_nothing_wrong(platform: Platform) -> None:
    settings = {
        "PYTHONPATH": str(old_client_folder()),
        "ACC_SDK_REQUIREMENT": "craft-ai-sdk==0.60.0",
    }
    run_suite(platform, LACKING, settings)


def test_the_client_under_test_is_0_60_0(old: Any, sdk: Any) -> None:
    assert old.__version__ == "0.60.0"
    assert sdk._session.headers["craft-ai-client"] == "craft-ai-sdk@0.60.0"


def test_what_an_endpoint_started_is_retrieved_later(sdk: Any, sleep: str) -> None:
    endpoint = sdk.create_deployment(sleep, "sleep-later", "endpoint")
    token = endpoint["endpoint_token"]
    started = sdk.trigger_endpoint("sleep-later", token, {"s": 0}, wait_for_completion=False)
    assert started["execution_id"]
    done = sdk.retrieve_endpoint_results("sleep-later", started["execution_id"], token)
    assert done["outputs"] == {"slept": 0}
    assert done["execution_id"] == started["execution_id"]


def test_the_failure_behind_an_endpoint_is_told(sdk: Any, old: Any, function: Any) -> None:
    token = sdk.create_deployment(function(FAIL, [], []), "failing", "endpoint")["endpoint_token"]
    with pytest.raises(old.SdkException, match="kaboom-815"):
        sdk.trigger_endpoint("failing", token)


@pytest.mark.parametrize("name", ["copier", "copier_of_files", "copier-1.0"])
def test_an_endpoint_gives_one_file_under_the_name_of_its_output(
    sdk: Any, old: Any, copy: str, name: str
) -> None:
    outputs = [
        old.OutputDestination("copied_file", endpoint_output_name="the_copy_1"),
        old.OutputDestination("size", is_null=True),
    ]
    deployed = sdk.create_deployment(copy, name, "endpoint", outputs_mapping=outputs)
    source = {"source": io.BytesIO(b"\x00abc\xff")}
    done = sdk.trigger_endpoint(name, deployed["endpoint_token"], source)
    assert done["outputs"] == {"the_copy_1": b"\x00abc\xff"}


def test_an_endpoint_gives_the_address_of_a_file_beside_other_outputs(sdk: Any, copy: str) -> None:
    token = sdk.create_deployment(copy, "copy-and-size", "endpoint")["endpoint_token"]
    outputs = sdk.trigger_endpoint("copy-and-size", token, {"source": io.BytesIO(b"xyz")})[
        "outputs"
    ]
    assert outputs["size"] == 3
    fetched = requests.get(outputs["copied_file"]["url"], {"token": token}, timeout=60)
    assert fetched.content == b"xyz"


def test_an_endpoint_without_outputs_gives_none(sdk: Any, old: Any, sleep: str) -> None:
    nothing = [old.OutputDestination("slept", is_null=True)]
    deployed = sdk.create_deployment(sleep, "sleep-null", "endpoint", outputs_mapping=nothing)
    assert sdk.trigger_endpoint("sleep-null", deployed["endpoint_token"], {"s": 0})["outputs"] == {}


def test_an_unknown_endpoint_and_a_wrong_token_are_refused(sdk: Any, old: Any, sleep: str) -> None:
    with pytest.raises(old.SdkException) as refused:
        sdk.trigger_endpoint("nowhere", "a-token")
    assert refused.value.status_code == 404
    sdk.create_deployment(sleep, "sleep-token", "endpoint")
    with pytest.raises(old.SdkException) as refused:
        sdk.trigger_endpoint("sleep-token", "another-token", {"s": 0})
    assert refused.value.status_code == 401


def test_the_files_of_an_execution_are_read_again(sdk: Any, copy: str) -> None:
    done = sdk.run_pipeline(copy, inputs={"source": io.BytesIO(b"xyz")})["execution_id"]
    assert sdk.get_pipeline_execution_input(done, "source")["value"] == b"xyz"
    assert sdk.get_pipeline_execution_output(done, "copied_file")["value"] == b"xyz"
    outputs = sdk.get_pipeline_execution(done)["outputs"]
    values = {item["pipeline_output_name"]: item["value"] for item in outputs}
    assert values == {"copied_file": b"xyz", "size": 3}


def test_a_run_is_followed_until_its_end(sdk: Any, sleep: str) -> None:
    begun = time.monotonic()
    started = sdk.run_pipeline(sleep, inputs={"s": 3}, wait_for_completion=False)["execution_id"]
    assert time.monotonic() - begun < 3
    eventually(lambda: sdk.get_pipeline_execution(started)["status"] == "Succeeded")
    assert sdk.get_pipeline_execution_output(started, "slept")["value"] == 3


def test_unknown_executions_are_not_found(sdk: Any, old: Any) -> None:
    for call in (
        sdk.get_pipeline_execution,
        sdk.delete_pipeline_execution,
        sdk.get_pipeline_execution_logs,
    ):
        with pytest.raises(old.SdkException) as refused:
            call("no-such-execution")
        assert refused.value.status_code == 404


def test_a_large_object_is_stored_in_parts_and_listed(
    sdk: Any, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old.CraftAiSdk, "_MULTIPART_THRESHOLD", PART)
    monkeypatch.setattr(old.CraftAiSdk, "_MULTIPART_PART_SIZE", PART)
    content = bytes(range(256)) * (PART // 256 * 2) + b"the end"
    sdk.upload_data_store_object(io.BytesIO(content), "old/large.bin")
    sdk.upload_data_store_object(io.BytesIO(b"small"), "old/folder/small.bin")
    try:
        sizes = {item["path"]: item["size"] for item in sdk.list_data_store_objects()}
        assert sizes["old/large.bin"] == "10.00 MB"
        assert sizes["old/folder/small.bin"] == "5.00 B"
        read = io.BytesIO()
        sdk.download_data_store_object("old/large.bin", read)
        assert read.getvalue() == content
    finally:
        for path in ("old/large.bin", "old/folder/small.bin"):
            sdk.delete_data_store_object(path)


@pytest.mark.parametrize("call", ["create_step", "list_steps", "create_pipeline"])
def test_steps_are_refused_as_a_mistake_of_the_caller(
    sdk: Any, old: Any, tmp_path: Path, call: str
) -> None:
    (tmp_path / "main.py").write_text(SLEEP)
    container = {"local_folder": str(tmp_path)}
    calls = {
        "create_step": lambda: sdk.create_step("s", "main.py", "sleep", container_config=container),
        "list_steps": sdk.list_steps,
        "create_pipeline": lambda: sdk.create_pipeline("stepped", step_name="s"),
    }
    with pytest.raises(old.SdkException) as refused:
        calls[call]()
    assert refused.value.status_code in (400, 404)
