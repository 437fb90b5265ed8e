"""Files and large values that are brought to the function, in both modes."""

import hashlib
import json
import os
from typing import Any

import pytest
from msgspec.structs import replace

from pumphouse.contracts.executions import ExecutionStarted, PlannedInput
from pumphouse.contracts.mappings import EndpointValue, NullValue
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Mode, Status
from tests.integration.executor.files import (
    given_file,
    large_constant,
    planned,
    run_in,
    stored_file,
    unique,
)
from tests.integration.executor.platform import Platform

both_modes = pytest.mark.parametrize("mode", list(Mode))

READ = """
import hashlib, os
def main(f):
    with open(f["path"], "rb") as file:
        content = file.read()
    return {"v": {
        "path": f["path"],
        "keys": sorted(f),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }}
"""


@both_modes
@pytest.mark.parametrize("size", [0, 1, 50 << 20])
async def test_a_file_of_the_caller_is_there_under_its_own_name(
    platform: Platform, mode: Mode, size: int
) -> None:
    content = os.urandom(size)
    given = await given_file(platform, "f", content, "my data.csv")
    finished = await run_in(platform, mode, READ, (given,), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    found = finished.outputs[0].value
    assert found["keys"] == ["path"]
    assert os.path.isabs(found["path"])
    assert os.path.basename(found["path"]) == "my data.csv"
    assert found["size"] == size
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    await platform.until(lambda: not os.path.exists(found["path"]))
    await platform.until(lambda: not platform.folders("files"))


@both_modes
async def test_a_file_of_the_data_store_is_there_under_its_own_name(
    platform: Platform, mode: Mode
) -> None:
    path = unique("été/données ☃.csv")
    await platform.storage.data.put(path, b"a;b")
    finished = await run_in(platform, mode, READ, (stored_file("f", path),), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    assert os.path.basename(finished.outputs[0].value["path"]) == "données ☃.csv"
    assert finished.outputs[0].value["size"] == 3
    assert await platform.storage.data.get(path) == b"a;b"


async def test_files_of_the_same_name_do_not_clash(platform: Platform) -> None:
    source = """
    def main(**files):
        return {"v": {name: open(file["path"]).read() for name, file in files.items()}}
    """
    path = unique("same.txt")
    await platform.storage.data.put(path, b"stored")
    names = [f"f{number}" for number in range(20)]
    inputs = [await given_file(platform, name, name.encode(), "same.txt") for name in names]
    finished = await platform.run(source, (*inputs, stored_file("s", path)), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == {**{name: name for name in names}, "s": "stored"}


async def test_one_file_can_be_two_inputs_which_the_function_may_change(
    platform: Platform,
) -> None:
    source = """
    def main(a, b):
        with open(a["path"], "a") as file:
            file.write("!")
        return {"v": [open(a["path"]).read(), open(b["path"]).read()]}
    """
    path = unique("x")
    await platform.storage.data.put(path, b"x")
    inputs = (stored_file("a", path), stored_file("b", path))
    finished = await platform.run(source, inputs, {"v": "json"})
    assert finished.outputs[0].value == ["x!", "x"]
    assert await platform.storage.data.get(path) == b"x"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, "file"),
        ("..", "file"),
        ("../../etc/passwd", "passwd"),
        ("a\nb.txt", "ab.txt"),
        ("é" * 200 + ".csv", "é" * 125 + ".csv"),
    ],
)
async def test_a_name_that_cannot_be_a_files_becomes_one(
    platform: Platform, name: str | None, expected: str
) -> None:
    given = await given_file(platform, "f", b"1", name)
    finished = await platform.run(READ, (given,), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    assert os.path.basename(finished.outputs[0].value["path"]) == expected


@pytest.mark.parametrize("source", [NullValue(), EndpointValue(name="f")])
async def test_a_file_that_nobody_gave_is_none(platform: Platform, source: Any) -> None:
    absent = PlannedInput(name="f", data_type=DataType.FILE, source=source)
    finished = await platform.run("def main(f):\n    return {'v': f}", (absent,), {"v": "json"})
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value is None


async def test_a_file_that_was_given_does_not_yield_to_the_functions_default(
    platform: Platform,
) -> None:
    given = await given_file(platform, "f", b"1")
    finished = await platform.run(
        "def main(f=None):\n    return {'v': open(f['path']).read()}", (given,), {"v": "string"}
    )
    assert finished.outputs[0].value == "1"


@both_modes
async def test_an_absent_object_fails_the_execution_and_names_input_and_path(
    platform: Platform, mode: Mode
) -> None:
    path = unique("b.csv")
    finished = await run_in(platform, mode, READ, (stored_file("f", path),), {"v": "json"})
    assert finished.status is Status.FAILED
    assert finished.error == (
        f"The input 'f' is mapped to '{path}', and the data store has no such object."
    )
    assert finished.started_at is None
    await platform.until(lambda: not platform.folders("files"))


async def test_a_file_of_the_caller_that_the_platform_has_lost_is_an_error(
    platform: Platform,
) -> None:
    given = await given_file(platform, "f", b"1")
    assert given.reference is not None
    await platform.storage.platform.delete(given.reference.key)
    finished = await platform.run(READ, (given,), {"v": "json"})
    assert finished.status is Status.ERROR
    assert "reference" in (finished.error or "")


async def test_a_disk_without_room_for_an_input_is_an_error(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_room(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    given = await given_file(platform, "f", b"1")
    monkeypatch.setattr("pumphouse.storage.Bucket.get_file", no_room)
    finished = await platform.run(READ, (given,), {"v": "json"})
    assert finished.status is Status.ERROR
    await platform.until(lambda: not platform.folders("files"))


@both_modes
@pytest.mark.parametrize("size", [1 << 20, 7 << 20])
async def test_a_large_constant_is_read_back_and_does_not_travel(
    platform: Platform, mode: Mode, size: int
) -> None:
    go = platform.shared / "go"
    given = await large_constant(platform, "a", json.dumps({"text": "é" * (size // 6)}).encode())
    source = f"""
    import os, time
    def main(a):
        while not os.path.exists({str(go)!r}):
            time.sleep(0.01)
        return {{"v": len(a["text"])}}
    """
    plan = await planned(platform, mode, source, (given,), {"v": "number"})
    await platform.send(plan)
    await platform.until(lambda: any(isinstance(e, ExecutionStarted) for e in platform.events))
    go.touch()
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value == size // 6
    assert finished.inputs == (given,)
    (started,) = [event for event in platform.events if isinstance(event, ExecutionStarted)]
    assert started.inputs == (given,)


async def test_a_kept_value_of_another_type_fails_the_execution(platform: Platform) -> None:
    given = await large_constant(platform, "a", b'"text"', DataType.NUMBER)
    finished = await platform.run("def main(a):\n    pass", (given,))
    assert finished.status is Status.FAILED
    assert "The input 'a': a number is expected, a string was given" in (finished.error or "")


@pytest.mark.parametrize("kept", [b"[1, 2", b"[1, 3]"])
async def test_a_kept_value_that_is_not_what_was_put_away_is_an_error(
    platform: Platform, kept: bytes
) -> None:
    given = await large_constant(platform, "a", b"[1, 2]")
    assert given.reference is not None
    await platform.storage.platform.put(given.reference.key, kept)
    finished = await platform.run("def main(a):\n    pass", (given,))
    assert finished.status is Status.ERROR


async def test_more_values_than_a_process_takes_are_refused_before_they_are_fetched(
    platform: Platform,
) -> None:
    reference = Reference(key="never/read", size=8 << 20, sha256="0" * 64)
    given = await large_constant(platform, "a", b"1")
    inputs = tuple(replace(given, name=name, reference=reference) for name in ("a", "b"))
    finished = await platform.run("def main(a, b):\n    pass", inputs)
    assert finished.status is Status.FAILED
    assert "The inputs are too large: 16.0 MB of JSON" in (finished.error or "")
