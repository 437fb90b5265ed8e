"""Where what is received goes: a file by its path, or a stream."""

import io
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pumphouse.sdk.errors import InvalidParameters
from pumphouse.sdk.sources import FilePath

Writable = FilePath | IO[bytes]
Write = Callable[[bytes], None]


@contextmanager
def writing(target: Any) -> Iterator[Write]:
    """Writes to a path or to a binary stream.

    A file is there, or replaced, only when all has been written; a broken transfer leaves it as
    it was. A stream stays open, at its beginning if it can go there.
    Raises InvalidParameters for anything else, OSError for a file that cannot be written.
    """
    if isinstance(target, str | os.PathLike):
        with _writing_file(Path(target).resolve()) as write:
            yield write
    elif callable(getattr(target, "write", None)) and not isinstance(target, io.TextIOBase):
        yield lambda content: _write_all(target, content)
        _rewind(target)
    else:
        raise InvalidParameters(
            "'filepath_or_buffer' must be a path, or a file opened in binary mode, not "
            f"{type(target).__name__}."
        )


@contextmanager
def _writing_file(path: Path) -> Iterator[Write]:
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield lambda content: _write_all(device, content)
        return
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            yield lambda content: _write_all(file, content)
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


def _write_all(stream: Any, content: bytes) -> None:
    remaining = memoryview(content)
    while remaining:
        written = stream.write(remaining)
        if not isinstance(written, int):
            return
        if written == 0:
            raise BlockingIOError("the stream takes no more bytes")
        remaining = remaining[written:]


def _rewind(stream: Any) -> None:
    try:
        stream.seek(0)
    except (AttributeError, OSError):
        return
