"""The two output streams of a process, line by line."""

import asyncio
import contextlib
import os

from pumphouse.executor.logs import Lines, LineSplitter, MarkFinder

_READ_SIZE = 1 << 16
_MARKS_PATIENCE_S = 1.0


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

    async def caught_up(self) -> None:
        """Return when the latest mark has come (within a second)."""
        if not self.marked.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.marked.wait(), _MARKS_PATIENCE_S)

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
