"""What is sent, cut into requests."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pumphouse.errors import Invalid, PumphouseError
from pumphouse.storage.sending import Body
from pumphouse.storage.transport import CHUNK_BYTES


def of_bytes(content: bytes | bytearray) -> Body:
    view = memoryview(content)

    async def chunks() -> AsyncIterator[memoryview]:
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]

    return Body(len(view), chunks)


async def in_parts(
    chunks: AsyncIterable[bytes], part_bytes: int
) -> AsyncGenerator[bytearray, None]:
    """The same bytes in parts of `part_bytes`, the last of them shorter; at least one."""
    part = bytearray()
    is_first = True
    async for chunk in chunks:
        rest = memoryview(chunk)
        while len(part) + len(rest) >= part_bytes:
            taken = part_bytes - len(part)
            part += rest[:taken]
            rest = rest[taken:]
            yield part
            is_first, part = False, bytearray()
        part += rest
    if part or is_first:
        yield part


class FileSlices:
    """A file from where it stands, read in threads, by several requests at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._start = file.tell()

    def body(self, offset: int, size: int) -> Body:
        """Its chunks raise Invalid when the file holds less."""

        async def chunks() -> AsyncIterator[bytes]:
            at, end = offset, offset + size
            while at < end:
                chunk = await asyncio.to_thread(self._read, at, min(4 * CHUNK_BYTES, end - at))
                if not chunk:
                    raise Invalid(f"A file was cut to {at} bytes while it was stored.")
                at += len(chunk)
                yield chunk

        return Body(size, chunks)

    def _read(self, offset: int, size: int) -> bytes:
        try:
            with self._lock:
                self._file.seek(self._start + offset)
                return self._file.read(size)
        except OSError as error:
            raise PumphouseError(f"A file to store cannot be read: {error}") from error


@contextmanager
def opened(file: BinaryIO | Path) -> Iterator[BinaryIO]:
    """The file, opened and closed when it is a path."""
    if isinstance(file, os.PathLike):
        with file.open("rb") as held:
            yield held
    else:
        yield file


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """An empty file at `target`, removed when the context fails. Raises FileExistsError.

    It is buffered for the lock in that: closing waits for a write that goes on in a thread.
    """
    file = target.open("xb")
    try:
        with file:
            yield file
    except BaseException:
        target.unlink(missing_ok=True)
        raise
