"""One interpreter of its own session, its channel and its two pipes: a sandbox without walls."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from pumphouse.executor.channel import Channel
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import Answer, Cancel, Job, Start
from pumphouse.executor.logs import Lines, LineSplitter, MarkFinder

RUNNER = Path(__file__).with_name("runner.py")

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

_READ_SIZE = 1 << 16
_STREAMS_PATIENCE_S = 0.5
_MARKS_PATIENCE_S = 1.0


class RunnerProcess:
    """See Sandbox. Made on the thread of the event loop: the kernel ties the two together."""

    def __init__(self, interpreter: Path) -> None:
        """Raises PlatformFault when the system has no room for another process."""
        self._loop = asyncio.get_running_loop()
        self.mark = secrets.token_hex(8)
        self.ended: asyncio.Future[int] = self._loop.create_future()
        try:
            self._popen, end, outputs = _spawn(interpreter)
        except OSError as error:
            raise PlatformFault(f"No interpreter could be started: {error}") from error
        self._pipes = [
            Pipe(descriptor, stream, self.mark)
            for descriptor, stream in zip(outputs, ("stdout", "stderr"), strict=True)
        ]
        self._channel = Channel(end)
        self._watch_exit()

    async def send(self, message: Start | Job | Cancel) -> None:
        await self._channel.send(message)

    async def receive(self) -> Answer | None:
        return await self._channel.receive()

    def write_to(self, log: Lines | None) -> None:
        for pipe in self._pipes:
            pipe.write_to(log)

    async def caught_up(self) -> None:
        for pipe in self._pipes:
            if not pipe.marked.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pipe.marked.wait(), _MARKS_PATIENCE_S)

    def kill(self) -> None:
        if self.ended.done():
            return
        for pid in _descendants(self._popen.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self._kill_group()

    async def finish(self, patience_s: float) -> int:
        try:
            await asyncio.wait([self.ended], timeout=patience_s)
            self.kill()
            status = await asyncio.shield(self.ended)
            await asyncio.wait([pipe.closed for pipe in self._pipes], timeout=_STREAMS_PATIENCE_S)
        finally:
            self.kill()
            self._channel.forget()
        for pipe in self._pipes:
            pipe.abandon()
        return status

    def _kill_group(self) -> None:
        # Only before it is reaped: until then no stranger can have got its number.
        with contextlib.suppress(OSError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _watch_exit(self) -> None:
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(self._popen.pid)
            self._loop.add_reader(descriptor, self._exited, descriptor)
            return

        def wait() -> None:
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
            self._loop.call_soon_threadsafe(self._exited, None)

        threading.Thread(target=wait, daemon=True).start()

    def _exited(self, descriptor: int | None) -> None:
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._kill_group()
        status = self._popen.wait()
        self._channel.drain()
        self.ended.set_result(status)


class Pipe:
    """One output stream of a process."""

    def __init__(self, descriptor: int, stream: str, mark: str) -> None:
        self.marked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._stream = stream
        self._log: Lines | None = None
        self._marks = MarkFinder(b"\0" + mark.encode() + b"\n")
        self._lines = LineSplitter(self._take)
        self.closed: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def write_to(self, log: Lines | None) -> None:
        self._log = log
        self.marked.clear()

    def abandon(self) -> None:
        """Read no more of a stream that a process left behind keeps open."""
        if not self.closed.done():
            self._end()
            if self._log is not None:
                self._log.note(f"a process left behind kept {self._stream} open; it is not read")

    def _take(self, line: bytes, cut: int) -> None:
        if self._log is not None:
            self._log.add(self._stream, line, cut)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        for piece in self._marks.feed(data) if data else ():
            if piece is None:
                self._lines.flush()
                self.marked.set()
            else:
                self._lines.feed(piece)
        if not data:
            self._end()

    def _end(self) -> None:
        self._lines.feed(self._marks.flush())
        self._lines.flush()
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.closed.set_result(None)
        self.marked.set()


def _spawn(interpreter: Path) -> tuple[subprocess.Popen[bytes], socket.socket, tuple[int, int]]:
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        channel, other_end = socket.socketpair()
        ours.callback(channel.close)
        theirs.callback(other_end.close)
        channel.setblocking(False)
        ends = []
        for _ in ("stdout", "stderr"):
            readable, writable = os.pipe()
            ours.callback(os.close, readable)
            theirs.callback(os.close, writable)
            ends.append((readable, writable))
        handle = other_end.fileno()
        popen = subprocess.Popen(  # noqa: S603 - the interpreter and the runner are our own
            [interpreter, "-I", "-B", "-X", "utf8", RUNNER, str(handle), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=ends[0][1],
            stderr=ends[1][1],
            pass_fds=[handle],
            env={"PATH": f"{interpreter.parent}:{SYSTEM_PATH}", "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        ours.pop_all()
        return popen, channel, (ends[0][0], ends[1][0])


def _descendants(root: int) -> Iterator[int]:
    """Processes below `root`, also those of other groups; nothing where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = entry.read_text(errors="replace").rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        found = children.get(waiting.pop(), [])
        waiting += found
        yield from found
