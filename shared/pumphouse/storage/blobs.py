"""Blobs by key, in a local folder."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Protocol

from pumphouse.errors import Invalid, NotFound


class Blobs(Protocol):
    """Bytes by key. Keys are `/`-separated segments of letters, digits, `.`, `_` and `-`."""

    async def put(self, key: str, content: bytes) -> None:
        """Store `content`; readers see all of it or nothing. Replaces what the key held."""

    async def get(self, key: str) -> bytes:
        """The content. Raises NotFound."""

    async def delete(self, key: str) -> None:
        """Remove the content, if there is any."""


class FolderBlobs:
    """Blobs as files below one folder, which every service that needs them must reach."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(_write, self._path(key), content)

    async def get(self, key: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError as error:
            raise NotFound(f"Nothing is stored under {key!r}.") from error

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    def _path(self, key: str) -> Path:
        segments = key.split("/")
        if not all(segment and segment.strip(".") for segment in segments):
            raise Invalid(f"{key!r} is not a key: a segment is empty or made of dots.")
        return self._folder.joinpath(*segments)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
