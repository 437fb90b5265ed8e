"""Noticing the end of a process, with the kernel's help and without."""

import asyncio
import os
import subprocess
import sys

import pytest

from pumphouse.executor.exits import watch_exit


def waiting() -> subprocess.Popen[bytes]:
    """A process that ends with 7 when it is told to."""
    return subprocess.Popen([sys.executable, "-c", "input(); exit(7)"], stdin=subprocess.PIPE)


@pytest.mark.parametrize("has_descriptors", [True, False])
async def test_the_end_of_a_process_is_noticed_and_left_to_be_reaped(
    monkeypatch: pytest.MonkeyPatch, has_descriptors: bool
) -> None:
    if not has_descriptors:
        monkeypatch.delattr(os, "pidfd_open")
    process = waiting()
    ended = asyncio.Event()
    watch_exit(process.pid, ended.set)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ended.wait(), 0.1)
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(b"\n")
    await asyncio.wait_for(ended.wait(), 30)
    assert process.returncode is None
    assert process.wait() == 7
