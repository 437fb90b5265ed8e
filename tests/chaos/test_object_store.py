"""The object store dies in the middle of an upload, of a call and of executions."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import httpx
import pytest

from pumphouse.sdk import (
    Input,
    InputSource,
    NotFound,
    Output,
    OutputDestination,
    PumphouseSdk,
    SdkError,
)
from tests.servers.object_store import OwnStore, own_object_store
from tests.stack import Stack, eventually, full_stack

MIB = 2**20

CODE = """
import os
import time

def main(source, gate):
    with open(source["path"], "rb") as file:
        content = file.read()
    while not os.path.exists(gate):
        time.sleep(0.01)
    with open("result.bin", "wb") as file:
        file.write(content[::-1])
    return {"result": {"path": "result.bin"}}
"""


@pytest.fixture(scope="module")
def store() -> Iterator[OwnStore]:
    with own_object_store() as started:
        yield started


@pytest.fixture(scope="module")
def stack(amqp_url: str, postgres_url: str, store: OwnStore) -> Iterator[Stack]:
    with full_stack(amqp_url, postgres_url, store.url) as started:
        yield started


@pytest.fixture(scope="module")
def sdk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PumphouseSdk]:
    """A client of a platform with the pipeline `reverse` and the endpoint `reverse`."""
    folder = tmp_path_factory.mktemp("reverse")
    (folder / "main.py").write_text(CODE)
    with PumphouseSdk(stack.url, stack.token) as client:
        client.create_pipeline(
            "reverse",
            "main.py",
            "main",
            container_config={"local_folder": str(folder)},
            inputs=[Input("source", "file"), Input("gate", "string")],
            outputs=[Output("result", "file")],
        )
        client.create_deployment("reverse", "reverse", execution_rule="endpoint")
        yield client


class _Interrupted(io.RawIOBase):
    def __init__(self, size: int, interrupt: Callable[[], None]) -> None:
        self._left = size
        self._half = size // 2
        self._interrupt: Callable[[], None] | None = interrupt

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= self._half and self._interrupt is not None:
            self._interrupt()
            self._interrupt = None
        given = min(self._left, len(buffer))
        buffer[:given] = b"x" * given
        self._left -= given
        return given


def interrupted(size: int, interrupt: Callable[[], None]) -> BinaryIO:
    """A stream of `size` bytes that calls `interrupt` once half of them are read."""
    return io.BufferedReader(_Interrupted(size, interrupt), MIB)


def paths(sdk: PumphouseSdk) -> list[str]:
    return [str(item["path"]) for item in sdk.iter_data_store_objects()]


@pytest.fixture(autouse=True)
def nothing_stored(sdk: PumphouseSdk, store: OwnStore) -> None:
    if not store.is_running:
        store.start()
    for path in paths(sdk):
        sdk.delete_data_store_object(path)


@pytest.mark.timeout(240)
def test_an_upload_that_the_store_died_in_shows_nothing_and_can_be_repeated(
    sdk: PumphouseSdk, store: OwnStore
) -> None:
    size = 160 * MIB
    with pytest.raises(SdkError):
        sdk.upload_data_store_object(interrupted(size, store.kill), "cut/off.bin")
    store.start()
    assert paths(sdk) == []
    with pytest.raises(NotFound):
        sdk.get_data_store_object_information("cut/off.bin")

    sdk.upload_data_store_object(interrupted(size, lambda: None), "cut/off.bin")
    assert paths(sdk) == ["cut/off.bin"]
    copy = io.BytesIO()
    sdk.download_data_store_object("cut/off.bin", copy)
    assert copy.getvalue() == b"x" * size


@pytest.mark.timeout(240)
def test_a_replaced_object_stays_what_it_was_when_the_store_dies(
    sdk: PumphouseSdk, store: OwnStore
) -> None:
    sdk.upload_data_store_object(io.BytesIO(b"before"), "kept.bin")
    with pytest.raises(SdkError):
        sdk.upload_data_store_object(interrupted(160 * MIB, store.kill), "kept.bin")
    store.start()
    copy = io.BytesIO()
    sdk.download_data_store_object("kept.bin", copy)
    assert copy.getvalue() == b"before"


@pytest.mark.timeout(240)
def test_a_call_whose_file_the_store_died_in_is_refused_and_starts_nothing(
    stack: Stack, sdk: PumphouseSdk, store: OwnStore
) -> None:
    before = sdk.list_pipeline_executions("reverse")
    token = sdk.get_deployment("reverse")["endpoint_token"]
    answer = httpx.post(
        f"{stack.url}/endpoints/reverse",
        headers={"Authorization": f"EndpointToken {token}"},
        data={"gate": str(stack.shared)},
        files={"source": ("a.bin", interrupted(64 * MIB, store.kill))},
        timeout=60,
    )
    assert answer.status_code == 503, answer.text
    assert "object store" in answer.json()["message"]
    store.start()
    assert sdk.list_pipeline_executions("reverse") == before


@pytest.mark.timeout(240)
def test_executions_wait_for_the_store_and_then_succeed_with_whole_files(
    stack: Stack, sdk: PumphouseSdk, store: OwnStore
) -> None:
    content = bytes(range(256)) * 4096 * 8
    sdk.upload_data_store_object(io.BytesIO(content), "in.bin")
    gate = stack.shared / "gate"

    def started(name: str) -> str:
        run: Any = sdk.run_pipeline(
            "reverse",
            inputs={"gate": str(gate)},
            inputs_mapping=[InputSource("source", datastore_path="in.bin")],
            outputs_mapping=[OutputDestination("result", datastore_path=f"out/{name}.bin")],
            wait_for_completion=False,
        )
        return str(run["execution_id"])

    def status(execution_id: str) -> str:
        return str(sdk.get_pipeline_execution(execution_id)["status"])

    under_way = [started(f"under-way-{n}") for n in range(4)]
    for execution_id in under_way:
        eventually(lambda execution_id=execution_id: status(execution_id) == "Running")  # type: ignore[misc]
    store.kill()
    still_to_start = [started(f"still-to-start-{n}") for n in range(4)]
    gate.touch()
    time.sleep(3)  # long enough for several tries against the dead store
    assert {status(identifier) for identifier in under_way} == {"Running"}
    assert {status(identifier) for identifier in still_to_start} == {"Pending"}

    store.start()
    everything = under_way + still_to_start
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sdk.retrieve_pipeline_execution_outputs, everything))
    assert {status(identifier) for identifier in everything} == {"Succeeded"}
    assert len(paths(sdk)) == 1 + len(everything)
    for path in paths(sdk):
        copy = io.BytesIO()
        sdk.download_data_store_object(path, copy)
        assert copy.getvalue() == (content if path == "in.bin" else content[::-1]), path
