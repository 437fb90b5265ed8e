"""What is sent: a file by its path, bytes, or a stream."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pumphouse.sdk.errors import InvalidParameters

FilePath = str | os.PathLike[str]
FileContent = bytes | bytearray | memoryview
Readable = FilePath | FileContent | IO[bytes]


class Source:
    """Bytes to send, from where a stream stands to its end. Not thread-safe.

    name: of the file, None if it has none. size: in bytes, None if only reading it tells.
    """

    def __init__(self, stream: Any, what: str, name: str | None = None) -> None:
        if isinstance(stream, io.TextIOBase):
            raise _not_binary(what, "it is a text stream")
        self._stream = stream
        self._what = what
        self._was_read = False
        self._start = _position(stream)
        self.size = None if self._start is None else _size(stream, self._start)
        self.name = name or _name(stream)

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, none at the end. Raises InvalidParameters if it is text."""
        self._was_read = True
        found = self._stream.read(size)
        if not isinstance(found, FileContent):
            raise _not_binary(self._what, f"a read gave {type(found).__name__}")
        return bytes(found)

    def read_fully(self, size: int) -> bytes:
        """`size` bytes, fewer at the end only."""
        first = self.read(size)
        if len(first) in (0, size):
            return first
        pieces = [first]
        missing = size - len(first)
        while missing and (piece := self.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def rewind(self) -> None:
        """Back to where it began. Raises InvalidParameters if it was read and cannot go there."""
        if self._start is not None:
            self._stream.seek(self._start)
        elif self._was_read:
            raise InvalidParameters(
                f"{self._what} was read, but could not be sent, and is a stream that cannot be "
                "read again. Call again with a new stream, or with a file."
            )


@contextmanager
def opened(given: Any, what: str, *, from_its_beginning: bool = False) -> Iterator[Source]:
    """A path, bytes or a binary stream, to read. A stream stays open afterwards.

    what: names it in errors. from_its_beginning: also a stream that stands elsewhere.
    Raises InvalidParameters for anything else, OSError for a file that cannot be opened.
    """
    if isinstance(given, str | os.PathLike):
        with Path(given).open("rb") as file:
            yield Source(file, what)
    elif isinstance(given, FileContent):
        yield Source(io.BytesIO(given), what)
    elif callable(getattr(given, "read", None)):
        if from_its_beginning and _position(given):
            given.seek(0)
        yield Source(given, what)
    else:
        raise InvalidParameters(
            f"{what} must be a path, bytes, or a file opened in binary mode, not "
            f"{type(given).__name__}."
        )


def is_file(value: Any) -> bool:
    """Whether an input value is the content of a file, or a path that is no text."""
    return isinstance(value, FileContent | os.PathLike) or callable(getattr(value, "read", None))


def _not_binary(what: str, reason: str) -> InvalidParameters:
    return InvalidParameters(f"{what} must be bytes, but {reason}: open it in binary mode.")


def _position(stream: Any) -> int | None:
    """Where a stream stands, None if it cannot be told or changed."""
    try:
        return int(stream.seek(stream.tell()))
    except (AttributeError, OSError, TypeError):
        return None


def _size(stream: Any, start: int) -> int | None:
    """What there is from `start` on, in bytes; None if that cannot be told."""
    try:
        return max(0, int(stream.seek(0, os.SEEK_END)) - start)
    except OSError:
        return None
    finally:
        stream.seek(start)


def _name(stream: Any) -> str | None:
    name = getattr(stream, "name", None)
    if not isinstance(name, str):
        return None
    return Path(name).name.encode(errors="replace").decode() or None
