"""Commands of the platform: at low priority, their lines as they come, and nothing after them."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.logs import LineSplitter

TakeLine = Callable[[bytes, int], None]
"""Gets a line, and how many bytes of it are left out."""

SUPERVISOR = Path(__file__).with_name("supervisor.py")
_NICENESS = "10"
_READ_SIZE = 1 << 16
_TERMINAL_CODE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


async def run_command(
    command: Sequence[str | Path],
    take: TakeLine,
    *,
    folder: Path,
    environment: Mapping[str, str],
    takes_output: bool = False,
) -> int:
    """Run it to its end; its exit status. Cancelled, it has ended with all that it started.

    take: gets the lines of standard error, and those of standard output when `takes_output`.
    Raises PlatformFault when it cannot be started.
    """
    with ExitStack() as ours:
        process = await _started(ours, command, folder, environment, takes_output)
        stream = process.stdout if takes_output else process.stderr
        assert stream is not None
        try:
            await _read(stream, take)
            return await process.wait()
        finally:
            ours.close()
            await _in_any_case(_drained(process, stream))


def without_terminal_codes(line: bytes) -> bytes:
    """The same without colours and the like."""
    return _TERMINAL_CODE.sub(b"", line)


async def _started(
    ours: ExitStack,
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    takes_output: bool,
) -> asyncio.subprocess.Process:
    """Start it under a supervisor, which lives until `ours` is closed."""
    theirs, lifeline = os.pipe()
    ours.callback(os.close, lifeline)
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", SUPERVISOR, _NICENESS, str(theirs), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if takes_output else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.STDOUT if takes_output else asyncio.subprocess.PIPE,
            pass_fds=[theirs],
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise PlatformFault(f"{command[0]} could not be started: {error}") from error
    finally:
        os.close(theirs)


async def _read(stream: asyncio.StreamReader, take: TakeLine) -> None:
    lines = LineSplitter(lambda line, cut: take(without_terminal_codes(line), cut))
    while data := await stream.read(_READ_SIZE):
        lines.feed(data)
    lines.flush()


async def _drained(process: asyncio.subprocess.Process, stream: asyncio.StreamReader) -> None:
    while await stream.read(_READ_SIZE):
        pass
    await process.wait()


async def _in_any_case(ending: Coroutine[Any, Any, None]) -> None:
    """Return when it is done, however often this is cancelled meanwhile."""
    task = asyncio.create_task(ending)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
