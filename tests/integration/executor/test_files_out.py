"""Files that the function returns, in both modes."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pumphouse.contracts.executions import PlannedOutput
from pumphouse.contracts.mappings import FileTarget, RunOutput
from pumphouse.contracts.vocabulary import DataType, Mode, Status
from pumphouse.errors import NotFound
from tests.integration.executor.files import (
    WRITE,
    content_of,
    dropped_file,
    given_file,
    objects_of,
    planned,
    refusal,
    returned_file,
    run_in,
    target_file,
    unique,
)
from tests.integration.executor.platform import Platform, platform_in

both_modes = pytest.mark.parametrize("mode", list(Mode))


@both_modes
async def test_a_file_for_the_caller_is_kept_with_its_name_and_size(
    platform: Platform, mode: Mode
) -> None:
    plan = await planned(platform, mode, WRITE, {"content": "héllo"}, (returned_file(),))
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    (output,) = finished.outputs
    assert await content_of(platform, output) == "héllo".encode()
    assert output.reference is not None
    assert output.reference.name == "made.bin"
    assert await objects_of(platform, plan) == ["outputs/0"]
    await platform.until(lambda: not platform.folders("files"))


@both_modes
async def test_a_file_for_the_data_store_is_written_to_its_path(
    platform: Platform, mode: Mode
) -> None:
    path = unique("out/été ☃.bin")
    plan = await planned(platform, mode, WRITE, {"content": "abc"}, (target_file(path),))
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    (output,) = finished.outputs
    assert (output.value, output.reference, output.written) == (None, None, 3)
    assert await platform.storage.data.get(path) == b"abc"
    assert await objects_of(platform, plan) == []


@both_modes
@pytest.mark.parametrize("size", [0, 50 << 20])
async def test_a_file_goes_in_and_out_unchanged(platform: Platform, mode: Mode, size: int) -> None:
    content = os.urandom(size)
    given = await given_file(platform, "g", content)
    path = unique("copy")
    finished = await run_in(
        platform,
        mode,
        "def main(g):\n    return {'f': g, 's': g}",
        (given,),
        (returned_file(), target_file(path, "s")),
    )
    assert finished.status is Status.SUCCEEDED, finished.error
    assert await content_of(platform, finished.outputs[0]) == content
    assert finished.outputs[1].written == size
    assert await platform.storage.data.get(path) == content


@both_modes
async def test_values_and_files_are_returned_side_by_side(platform: Platform, mode: Mode) -> None:
    source = """
    import os, pathlib
    def main():
        paths = [pathlib.Path("a"), pathlib.Path(os.environ["TMPDIR"], "b"), pathlib.Path("/tmp")]
        paths[2] = paths[1].with_name("c").absolute()
        for path in paths:
            path.write_text(path.name)
        a, b, c = paths
        return {"a": {"path": str(a), "more": b"keys"}, "v": 1, "b": {"path": b},
                "c": {"path": str(c)}, "rest": "not declared"}
    """
    a, b, c = (returned_file(name) for name in "abc")
    value = PlannedOutput(name="v", data_type=DataType.NUMBER, destination=RunOutput(name="v"))
    finished = await run_in(platform, mode, source, (), (b, value, a, c))
    assert finished.status is Status.SUCCEEDED, finished.error
    assert [output.name for output in finished.outputs] == ["b", "v", "a", "c"]
    assert finished.outputs[1].value == 1
    kept = [finished.outputs[position] for position in (0, 2, 3)]
    assert [await content_of(platform, output) for output in kept] == [b"b", b"a", b"c"]


async def test_more_files_than_one_message_can_carry_are_returned(platform: Platform) -> None:
    source = """
    def main():
        for i in range(300):
            with open(f"f{i}", "w") as file:
                file.write(str(i))
        return {f"f{i}": {"path": f"f{i}"} for i in range(300)}
    """
    outputs = tuple(returned_file(f"f{i}") for i in range(300))
    plan = platform.plan(await platform.code(source), (), outputs)
    await platform.send(plan)
    finished = await platform.end(plan, 60)
    assert finished.status is Status.SUCCEEDED, finished.error
    contents = await asyncio.gather(*(content_of(platform, o) for o in finished.outputs))
    assert contents == [str(i).encode() for i in range(300)]


@both_modes
async def test_none_writes_nothing(platform: Platform, mode: Mode) -> None:
    path = unique("never")
    outputs = (returned_file(), target_file(path, "s"))
    plan = await planned(
        platform, mode, "def main():\n    return {'f': None, 's': None}", (), outputs
    )
    await platform.send(plan)
    finished = await platform.end(plan)
    assert finished.status is Status.SUCCEEDED, finished.error
    for output in finished.outputs:
        assert (output.value, output.reference, output.written) == (None, None, None)
    assert await objects_of(platform, plan) == []
    with pytest.raises(NotFound):
        await platform.storage.data.info(path)


async def test_what_is_returned_for_a_dropped_file_is_not_looked_at(platform: Platform) -> None:
    source = "def main():\n    return {'f': object()}"
    finished = await platform.run(source, (), (dropped_file(),))
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].value is None


async def test_a_dropped_file_must_still_be_returned(platform: Platform) -> None:
    finished = await platform.run("def main():\n    return {}", (), (dropped_file(),))
    assert finished.status is Status.FAILED
    assert finished.error == "The returned dict lacks the declared output 'f'."


async def test_a_link_to_a_file_elsewhere_that_the_execution_may_read_is_followed(
    platform: Platform,
) -> None:
    elsewhere = platform.shared / "elsewhere.txt"
    elsewhere.write_text("far")
    source = f"""
    import os
    def main():
        os.symlink({str(elsewhere)!r}, "link.txt")
        return {{"f": {{"path": "link.txt"}}}}
    """
    finished = await platform.run(source, (), (returned_file(),))
    assert finished.status is Status.SUCCEEDED, finished.error
    assert await content_of(platform, finished.outputs[0]) == b"far"
    assert finished.outputs[0].reference is not None
    assert finished.outputs[0].reference.name == "link.txt"


async def test_a_file_that_is_gone_once_it_was_returned_is_still_kept(platform: Platform) -> None:
    source = """
    import atexit, os
    def main():
        with open("f", "w") as file:
            file.write("x" * 1000)
        atexit.register(os.remove, "f")
        return {"f": {"path": "f"}}
    """
    finished = await platform.run(source, (), (returned_file(),))
    assert finished.status is Status.SUCCEEDED, finished.error
    assert await content_of(platform, finished.outputs[0]) == b"x" * 1000


async def test_each_execution_of_a_pod_keeps_its_own_content_of_the_same_file(
    platform: Platform,
) -> None:
    source = """
    def main(i):
        with open("same", "w") as file:
            file.write(str(i) * 2_000_000)
        return {"f": {"path": "same"}}
    """
    code = await platform.code(source)
    deployment = await platform.deploy(code)
    plans = [
        platform.plan(
            code,
            {"i": i},
            (returned_file(),),
            mode=Mode.LOW_LATENCY,
            deployment_id=deployment.id,
        )
        for i in range(8)
    ]
    for plan in plans:
        await platform.send(plan)
    for i, plan in enumerate(plans):
        finished = await platform.end(plan, 60)
        assert finished.status is Status.SUCCEEDED, finished.error
        assert await content_of(platform, finished.outputs[0]) == str(i).encode() * 2_000_000


REFUSED = {
    "text": ("'f.txt'", ["The output 'f' is a file", '{"path": <path of the file>}', "type str"]),
    "a list": ("[1]", ["a value of type list"]),
    "no path": ("{'file': 'f'}", ["the returned dict has no 'path'"]),
    "a path that is a number": ("{'path': 3}", ["its 'path' is a value of type int"]),
    "a path that is bytes": ("{'path': b'f'}", ["its 'path' is a value of type bytes"]),
    "no path at all": ("{'path': None}", ["its 'path' is a value of type NoneType"]),
    "a missing file": (
        "{'path': 'never/written'}",
        ["'never/written', which does not exist: did the function write it?"],
    ),
    "an empty path": ("{'path': ''}", ["which does not exist"]),
    "a path through a file": ("{'path': 'main.py/x'}", ["which does not exist"]),
    "a path with a NUL": ("{'path': 'a\\0b'}", ["cannot be opened (embedded null byte)"]),
    "a path that is too long": ("{'path': 'x' * 300}", ["cannot be opened (File name too long)"]),
    "half a surrogate pair": ("{'path': '\\ud800'}", ["which cannot be opened"]),
    "a folder": ("{'path': '.'}", ["which is a folder and no regular file"]),
    "a device": ("{'path': '/dev/zero'}", ["which is a device and no regular file"]),
    "a named pipe": ("os.mkfifo('p') or {'path': 'p'}", ["which is a named pipe and no regular"]),
    "a socket": (
        "socket.socket(socket.AF_UNIX).bind('s') or {'path': 's'}",
        ["which is a socket or a device and no regular file"],
    ),
    "a link that leads to itself": (
        "os.symlink('l', 'l') or {'path': 'l'}",
        ["which cannot be opened (Too many levels of symbolic links)"],
    ),
    "too many open files": (
        "kept.extend(many()) or {'path': 'main.py'}",
        ["the code has too many files open"],
    ),
}

RETURN = """
import os, resource, socket
kept = []

def many():
    soft = 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    while True:
        try:
            yield open("main.py")
        except OSError:
            return

def main():
    return {{"g": {{"path": "main.py"}}, "f": {}}}
"""


@both_modes
@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_file_is_refused_with_words(
    platform: Platform, mode: Mode, case: str
) -> None:
    expression, words = REFUSED[case]
    path = unique("never")
    outputs = (target_file(path, "g"), returned_file())
    error = await refusal(platform, mode, RETURN.format(expression), outputs)
    for word in words:
        assert word in error
    with pytest.raises(NotFound):
        await platform.storage.data.info(path)


@both_modes
async def test_a_file_that_the_execution_may_not_read_is_refused(
    platform: Platform, mode: Mode
) -> None:
    """The executor may read everything if it is root: what counts is what user code may do."""
    for name, rights in (("open", 0o644), ("closed", 0)):
        (platform.shared / name).write_text(name)
        (platform.shared / name).chmod(rights)
    source = f"""
    import os
    def main(name):
        print(os.geteuid())
        return {{"f": {{"path": os.path.join({str(platform.shared)!r}, name)}}}}
    """
    finished = await run_in(platform, mode, source, {"name": "open"}, (returned_file(),))
    assert finished.status is Status.SUCCEEDED, finished.error
    finished = await run_in(platform, mode, source, {"name": "closed"}, (returned_file(),))
    assert finished.status is Status.FAILED
    assert "closed', which the execution is not allowed to read." in (finished.error or "")
    assert [line.text for line in finished.lines] != ["0"]
    assert stat.S_IMODE((platform.shared / "closed").stat().st_mode) == 0


async def test_a_path_that_the_data_store_refuses_fails_and_names_output_and_path(
    platform: Platform,
) -> None:
    path = "x" * 1500
    output = PlannedOutput(name="f", data_type=DataType.FILE, destination=FileTarget(path=path))
    finished = await platform.run(WRITE, {"content": "x"}, (output,))
    assert finished.status is Status.FAILED
    assert f"The output 'f' cannot be written to '{path}' in the data store: " in (
        finished.error or ""
    )


async def test_a_disk_without_room_for_a_copy_is_an_error(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.copy_file_range", full)
    finished = await platform.run(WRITE, {"content": "x"}, (returned_file(),))
    assert finished.status is Status.ERROR
    await platform.until(lambda: not platform.folders("files"))


async def test_a_file_larger_than_the_disk_is_an_error_before_it_is_copied(
    tmp_path: Path, store_url: str
) -> None:
    source = """
    import os
    def main():
        with open("sparse", "w") as file:
            os.truncate(file.fileno(), 1 << 43)
        return {"f": {"path": "sparse"}}
    """
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(platform.settings, execution_disk="16384GiB")
        async with platform.executor():
            finished = await platform.run(source, (), (returned_file(),))
    assert finished.status is Status.ERROR
    assert "reference" in (finished.error or "")
