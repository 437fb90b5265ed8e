"""Looks now and then at what executions use that the system does not limit by itself."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol

import psutil

from pumphouse.executor.allowance import Allowance, out_of_memory, size_text

LOOK_EVERY_S = 1.0
_RESTS_PER_LOOK = 10
"""A look that takes long is followed by a rest of so many times that."""


class Watched(Protocol):
    """An execution at work."""

    folder: Path
    allowance: Allowance

    def stop(self, overrun: str) -> None:
        """End it for what it used. overrun: as a sentence for the code's author."""


class Overseer:
    """Of disk, always; of memory, where no control group is."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()

    def watch(self, execution: Watched) -> None:
        self._watched.add(execution)

    def leave(self, execution: Watched) -> None:
        self._watched.discard(execution)

    async def run(self) -> None:
        while True:
            began = monotonic()
            for execution in list(self._watched):
                overrun = await asyncio.to_thread(overrun_of, execution)
                if overrun is not None and execution in self._watched:
                    execution.stop(overrun)
            await asyncio.sleep(max(LOOK_EVERY_S, _RESTS_PER_LOOK * (monotonic() - began)))


@asynccontextmanager
async def overseeing() -> AsyncIterator[Overseer]:
    """An overseer at work while the context is open."""
    overseer = Overseer()
    task = asyncio.create_task(overseer.run())
    try:
        yield overseer
    finally:
        task.cancel()
        await asyncio.wait([task])


def overrun_of(execution: Watched) -> str | None:
    """What it uses too much of, if anything. Blocks."""
    allowance = execution.allowance
    most = allowance.limits.file_bytes
    if bytes_below(execution.folder, most) > most:
        return f"The execution wrote more than its limit of {size_text(most)} and was stopped."
    if allowance.has_group or allowance.memory_bytes is None or allowance.pid is None:
        return None
    if memory_below(allowance.pid) > allowance.memory_bytes:
        return out_of_memory(allowance.memory_bytes)
    return None


def bytes_below(folder: Path, most: int) -> int:
    """On the disk; links are not followed. It stops to count beyond `most`."""
    total = 0
    waiting = [str(folder)]
    while waiting and total <= most:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


def memory_below(pid: int) -> int:
    """Of a process and all below it, in bytes; what they share is counted with each."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total
