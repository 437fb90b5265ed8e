"""Lines of user code: from the bytes of a pipe to what the registry keeps."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from pumphouse.contracts.executions import LogLine

LINE_LIMIT = 16 << 10
LOG_LIMIT = 5 << 20


class Lines(Protocol):
    """Where lines go, of an execution or of a pod."""

    def add(self, stream: str, line: bytes, cut: int) -> None:
        """Keep a line that has lost its last `cut` bytes to LINE_LIMIT, or count it."""

    def note(self, text: str) -> None:
        """Add a remark of the platform's own."""


class Log:
    """What one execution wrote, in the order it was read, up to LOG_LIMIT bytes."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._size = 0
        self._dropped_lines = 0
        self._dropped_bytes = 0

    def add(self, stream: str, line: bytes, cut: int) -> None:
        if self._size + len(line) > LOG_LIMIT:
            self._size = LOG_LIMIT
            self._dropped_lines += 1
            self._dropped_bytes += len(line) + cut
            return
        self._size += len(line)
        self.lines.append(logged(stream, line, cut))

    def note(self, text: str) -> None:
        self.lines.append(remark(text))

    def close(self) -> None:
        """Say at the end what was left out."""
        if self._dropped_lines:
            self.note(
                f"{self._dropped_lines} more lines ({self._dropped_bytes} bytes) were dropped:"
                f" an execution keeps {LOG_LIMIT >> 20} MB of log"
            )


class Tail:
    """The last lines alone."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=30)

    def add(self, stream: str, line: bytes, cut: int) -> None:
        self._lines.append(line.decode("utf-8", "replace"))

    def note(self, text: str) -> None:
        self._lines.append(f"[{text}]")

    def text(self) -> str:
        return "\n".join(self._lines)


def logged(stream: str, line: bytes, cut: int) -> LogLine:
    """What is kept of a line of user code, as of now. cut: see `Lines.add`."""
    text = line.decode("utf-8", "replace").replace("\0", "\\x00")
    if cut:
        text += f" [… {cut} more bytes: a line keeps {LINE_LIMIT >> 10} KB]"
    return LogLine(at=datetime.now(UTC), stream=stream, text=text)


def remark(text: str) -> LogLine:
    return LogLine(at=datetime.now(UTC), stream="stderr", text=f"[{text}]")


class LineSplitter:
    """Cuts a stream of bytes into lines, holding at most LINE_LIMIT of one."""

    def __init__(self, take: Callable[[bytes, int], None]) -> None:
        self._take = take
        self._held = bytearray()
        self._cut = 0

    def feed(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._hold(piece)
            self._give()
        self._hold(rest)

    def flush(self) -> None:
        """Take what is held for a line, though none has ended."""
        if self._held or self._cut:
            self._give()

    def _hold(self, piece: bytes) -> None:
        room = LINE_LIMIT - len(self._held)
        self._held += piece[:room]
        self._cut += max(0, len(piece) - room)

    def _give(self) -> None:
        line = bytes(self._held)
        self._take(line.removesuffix(b"\r"), self._cut)
        self._held.clear()
        self._cut = 0


class MarkFinder:
    """Finds a mark in a stream of bytes, also where it comes in two pieces."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._held = b""

    def feed(self, data: bytes) -> list[bytes | None]:
        """The bytes around the marks, with None for each mark."""
        data = self._held + data
        *before, rest = data.split(self._mark)
        found: list[bytes | None] = []
        for piece in before:
            found += [piece, None]
        begin = rest.rfind(self._mark[:1], max(0, len(rest) - len(self._mark) + 1))
        is_partial = begin >= 0 and self._mark.startswith(rest[begin:])
        self._held = rest[begin:] if is_partial else b""
        return [*found, rest[:begin] if is_partial else rest]

    def flush(self) -> bytes:
        held, self._held = self._held, b""
        return held
