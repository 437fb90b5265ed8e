"""Descriptors that a runner sends, as it should and as it should not."""

import asyncio
import os
import resource
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.executor import output_files
from pumphouse.executor.channel import Channel
from pumphouse.executor.faults import UnusableOutput
from pumphouse.executor.frames import CHANNEL_MISUSED, Job, OpenFile, Returned, Unfit
from pumphouse.executor.output_files import Snapshot, snapshots
from tests.integration.executor.files import (
    content_of,
    planned,
    returned_file,
    run_in,
)
from tests.integration.executor.platform import Platform, open_descriptors

both_modes = pytest.mark.parametrize("mode", list(Mode))

HOSTILE = """
import json, os, socket, stat, struct, time

def channel():
    for handle in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                return socket.socket(fileno=os.dup(handle))
        except OSError:
            pass

CHANNEL = channel()

def send(data, *descriptors):
    rights = struct.pack(f"{len(descriptors)}i", *descriptors)
    CHANNEL.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

def answer(files, *descriptors):
    body = json.dumps({"kind": "returned", "outputs": {"f": None}, "files": files}).encode()
    send(struct.pack("<I", len(body)) + body, *descriptors)

def opened(flags=os.O_RDONLY):
    with open("x", "w") as file:
        file.write("content")
    return os.open("x", flags)

def main():
    ACT
    return {"f": None}
"""

MISUSED = {
    "thousands": """
    send(struct.pack("<I", 1 << 20))
    handle = opened()
    while True:
        send(b" ", *[handle] * 250)
    """,
    "one too many": "answer([['f', 'x'], ['f', 'x']], opened(), opened())",
    "one too few": "answer([['f', 'x'], ['g', 'x']], opened())",
    "none where one is named": "answer([['f', 'x']])",
    "one that is not named": "answer([], opened())",
    "for an output that is not declared": "answer([['other', 'x']], opened())",
}

UNUSABLE = {
    "a pipe": ("os.pipe()[0]", "no regular file"),
    "a socket": ("socket.socketpair()[0].detach()", "no regular file"),
    "a folder": ("os.open('/usr', os.O_RDONLY)", "no regular file"),
    "a device": ("os.open('/dev/zero', os.O_RDONLY)", "no regular file"),
    "a file opened for writing": ("opened(os.O_WRONLY)", "cannot be read"),
    "a file opened as a path": ("opened(os.O_PATH)", "cannot be read"),
}


def sent_files(platform: Platform) -> list[str]:
    """What this process has open of the folders of executions."""
    links = [Path(f"/proc/self/fd/{handle}") for handle in os.listdir("/proc/self/fd")]
    paths = [os.readlink(link) for link in links if link.is_symlink()]
    return [
        path
        for path in paths
        if path.startswith(str(platform.work_dir / "runs")) and not path.endswith(".lock")
    ]


@both_modes
@pytest.mark.parametrize("case", MISUSED)
async def test_descriptors_that_nobody_asked_for_end_the_execution_and_are_closed(
    platform: Platform, mode: Mode, case: str
) -> None:
    source = HOSTILE.replace("ACT", MISUSED[case])
    finished = await run_in(platform, mode, source, (), (returned_file(),))
    assert finished.status is Status.FAILED
    assert (finished.error or "").startswith(CHANNEL_MISUSED.message)
    await platform.until(lambda: not sent_files(platform))


@both_modes
@pytest.mark.parametrize("case", UNUSABLE)
async def test_a_descriptor_of_anything_but_a_readable_file_is_refused(
    platform: Platform, mode: Mode, case: str
) -> None:
    expression, words = UNUSABLE[case]
    source = HOSTILE.replace("ACT", f"answer([['f', 'x']], {expression})")
    finished = await run_in(platform, mode, source, (), (returned_file(),))
    assert finished.status is Status.FAILED
    assert words in (finished.error or "")
    assert "'f'" in (finished.error or "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("../../etc/x", "x"), ("", "file"), ("a\0b\n", "ab"), ("n" * 9000, "n" * 255)],
)
async def test_a_name_that_cannot_be_a_files_becomes_one(
    platform: Platform, name: str, expected: str
) -> None:
    source = HOSTILE.replace("ACT", f"answer([['f', {name!r}]], opened())")
    finished = await platform.run(source, (), (returned_file(),))
    assert finished.status is Status.SUCCEEDED, finished.error
    assert finished.outputs[0].reference is not None
    assert finished.outputs[0].reference.name == expected


async def test_a_second_answer_does_not_become_that_of_the_next_execution(
    platform: Platform,
) -> None:
    """The forged answer is believed, as it may be; the true one is one too many."""
    source = HOSTILE.replace(
        'main():\n    ACT\n    return {"f": None}',
        """main(act):
    handle = opened()
    if act:
        answer([['f', 'forged']], handle)
        return {"f": None}
    return {"f": {"path": "x"}}
    """,
    )
    plan = await planned(platform, Mode.LOW_LATENCY, source, {"act": True}, (returned_file(),))
    await platform.send(plan)
    first = await platform.end(plan)
    assert await content_of(platform, first.outputs[0]) == b"content"
    second = platform.plan(
        plan.code,
        {"act": False},
        (returned_file(),),
        mode=plan.mode,
        deployment_id=plan.deployment_id,
    )
    await platform.send(second)
    finished = await platform.end(second)
    assert finished.status is Status.SUCCEEDED, finished.error
    assert await content_of(platform, finished.outputs[0]) == b"content"


ENDINGS = {
    "a file": ("pass", Status.SUCCEEDED),
    "an exception": ("raise ValueError('no')", Status.FAILED),
    "a file that is missing": ("return {'f': {'path': 'missing'}}", Status.FAILED),
    "a crash with a file on its way": (
        "send(b'x', opened()); os.kill(os.getpid(), 9)",
        Status.FAILED,
    ),
    "the time limit": ("send(b'x', opened()); time.sleep(60)", Status.FAILED),
    "an answer after the time limit": (
        "time.sleep(0.99); answer([['f', 'x']], opened())",
        None,
    ),
    "misuse": ("send(b'x', *[opened()] * 3)", Status.FAILED),
}


@both_modes
async def test_nothing_is_left_open_or_lying_about_however_executions_end(
    platform: Platform, mode: Mode
) -> None:
    source = HOSTILE.replace('ACT\n    return {"f": None}', "ACT\n    return {'f': {'path': 'x'}}")
    await platform.until(platform.is_at_rest)
    before = open_descriptors()
    for case, (act, status) in ENDINGS.items():
        limit_s = 1 if "time limit" in case else 60
        for _ in range(3):
            code = await platform.code(source.replace("ACT", f"opened()\n    {act}"))
            fields = {}
            if mode is Mode.LOW_LATENCY:
                fields = {"mode": mode, "deployment_id": (await platform.deploy(code)).id}
            plan = platform.plan(code, (), (returned_file(),), timeout_s=limit_s, **fields)
            await platform.send(plan)
            finished = await platform.end(plan)
            assert finished.status is (status or finished.status), finished
            if plan.deployment_id is not None:
                await platform.change(deleted_deployment_id=plan.deployment_id)
    await platform.until(platform.is_at_rest)
    # The connections to the store that are kept open are all that may be more.
    await platform.until(lambda: open_descriptors() <= before + 8)
    await platform.until(lambda: not sent_files(platform))
    for purpose in ("run", "pod", "files"):
        await platform.until(partial(is_gone, platform, purpose))


def is_gone(platform: Platform, purpose: str) -> bool:
    return not platform.folders(purpose)


# -- without a process


@asynccontextmanager
async def channel() -> AsyncIterator[tuple[Channel, socket.socket]]:
    """A channel that waits for the answer to a job with one file, and its other end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        end = Channel(ours, lambda _ready, _pid: None)
        theirs.sendall(frame(b'{"kind":"ready"}'))
        await end.send(Job(execution_id="e", inputs={}, absent=[], outputs=["f"], files=["f"]))
        yield end, theirs
        end.drain()
        end.forget()


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


RETURNED = frame(b'{"kind":"returned","outputs":{"f":null},"files":[["f","x"]]}')


async def test_a_file_arrives_with_the_frame_and_is_not_inherited(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("abc")
    async with channel() as (end, theirs):
        with (tmp_path / "x").open() as file:
            socket.send_fds(theirs, [RETURNED[:1]], [file.fileno()])
        theirs.sendall(RETURNED[1:])
        answer = await asyncio.wait_for(end.receive(), 30)
        assert isinstance(answer, Returned)
        (sent,) = answer.files
        assert not os.get_inheritable(sent.descriptor)
        assert os.pread(sent.descriptor, 10, 0) == b"abc"
        os.close(sent.descriptor)


async def test_an_executor_with_too_many_open_files_blames_itself(tmp_path: Path) -> None:
    async with channel() as (end, theirs):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        with (tmp_path / "x").open("w") as file, (tmp_path / "y").open("w") as highest:
            highest.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free(), limits[1]))
            try:
                socket.send_fds(theirs, [RETURNED], [file.fileno()])
                answer = await asyncio.wait_for(end.receive(), 30)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert isinstance(answer, Unfit)


def lowest_free() -> int:
    number = os.open("/dev/null", os.O_RDONLY)
    os.close(number)
    return number


async def test_an_answer_that_nobody_takes_is_closed(tmp_path: Path) -> None:
    before = open_descriptors()
    async with channel() as (_, theirs):
        with (tmp_path / "x").open("w") as file:
            socket.send_fds(theirs, [RETURNED], [file.fileno()])
    deadline = time.monotonic() + 30
    while open_descriptors() > before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


# -- copies


async def copy_of(path: Path, folder: Path) -> Snapshot:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return (await snapshots((OpenFile("f", "x", descriptor),), folder))["f"]
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("is_supported", [True, False])
async def test_a_file_that_grows_while_it_is_copied_keeps_the_size_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_supported: bool
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    change_after_the_first_piece(monkeypatch, is_supported, lambda: append(path))
    snapshot = await copy_of(path, tmp_path / "out")
    assert snapshot.size == 10
    assert snapshot.path.read_bytes() == b"0123456789"
    assert path.stat().st_size > 10


@pytest.mark.parametrize("is_supported", [True, False])
async def test_a_file_that_shrinks_while_it_is_copied_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_supported: bool
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    change_after_the_first_piece(monkeypatch, is_supported, lambda: os.truncate(path, 4))
    with pytest.raises(UnusableOutput, match="'f' ended after 4 of its 10 bytes"):
        await copy_of(path, tmp_path / "out")


def change_after_the_first_piece(
    monkeypatch: pytest.MonkeyPatch, is_supported: bool, change: Callable[[], object]
) -> None:
    """Let files be copied in pieces of 4 bytes, with the system's help or without."""
    copy_some = output_files._copy_some
    copied: list[int] = []

    def copy(*args: Any) -> int:
        size = copy_some(*args)
        if not copied:
            change()
        copied.append(size)
        return size

    monkeypatch.setattr(output_files, "_AT_ONCE", 4)
    monkeypatch.setattr(output_files, "_copy_some", copy)
    if not is_supported:
        monkeypatch.delattr("os.copy_file_range")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")
