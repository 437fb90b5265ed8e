"""Code archives, fetched once and extracted into a cache that copies are made from."""

import asyncio
import contextlib
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pumphouse.errors import NotFound
from pumphouse.executor.faults import PlatformFault
from pumphouse.storage import Bucket

EXTRACTED_LIMIT = 100 << 20

_RECENT_S = 3600

_UNREADABLE = (OSError, ValueError, EOFError, tarfile.TarError, zlib.error)


class Archives:
    """What stands under one key never changes, so an extracted folder is right for ever."""

    def __init__(self, bucket: Bucket, folder: Path, kept: int) -> None:
        """kept: extracted archives that stay; older ones go, but none that was used lately."""
        self._bucket = bucket
        self._folder = folder
        self._kept = kept
        self._extracting: dict[str, asyncio.Task[Path]] = {}

    async def copy(self, key: str, target: Path) -> None:
        """A copy of the code, in the new folder `target`.

        Raises PlatformFault, and Unavailable when it is not cached and the store does not answer.
        """
        source = await self.extracted(key)
        try:
            await asyncio.to_thread(copy_code, source, target)
        except OSError as error:
            raise PlatformFault(f"The code {key!r} cannot be copied: {error}") from error

    async def extracted(self, key: str) -> Path:
        """The folder that copies are made from, which nobody may change. Raises as `copy`."""
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()[:32]
        if path.is_dir():
            return path
        if (task := self._extracting.get(key)) is None:
            task = asyncio.create_task(self._extract(key, path))
            self._extracting[key] = task
            task.add_done_callback(lambda _: self._extracting.pop(key))
        return await asyncio.shield(task)

    async def _extract(self, key: str, path: Path) -> Path:
        try:
            content = await self._bucket.get(key)
            await asyncio.to_thread(_extract, content, path)
            await asyncio.to_thread(_prune, self._folder, self._kept)
        except (NotFound, *_UNREADABLE) as error:
            raise PlatformFault(f"The code {key!r} cannot be had: {error}") from error
        return path


def use(source: Path) -> None:
    """Have an extracted archive count as used now. Raises OSError."""
    os.utime(source)


def copy_code(source: Path, target: Path) -> None:
    """A copy of an extracted archive, which counts as used now. Raises OSError."""
    use(source)
    shutil.copytree(source, target, symlinks=True)


def _extract(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=".extracting-"))
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
            size = 0
            for member in archive:
                size += member.size
                if size > EXTRACTED_LIMIT:
                    raise tarfile.TarError(f"it holds more than {EXTRACTED_LIMIT} bytes")
                _extract_member(archive, member, temporary)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():  # else another executor was first
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file or a folder. Links are refused, so that no path can lead out through one.

    (The filters of tarfile would do, but not every Python 3.11 has them.)
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise tarfile.TarError(f"{member.name!r} leads out of it")
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(member) if member.isfile() else None
    if content is None:
        raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _prune(folder: Path, kept: int) -> None:
    """Remove the longest unused beyond `kept`, and what a crash left half extracted."""
    by_use = sorted(_with_last_use(folder))
    half_extracted = [item for item in by_use if item[1].name.startswith(".")]
    whole = [item for item in by_use if not item[1].name.startswith(".")]
    for used_at, path in [*half_extracted, *whole[: max(0, len(whole) - kept)]]:
        if used_at < time.time() - _RECENT_S:
            shutil.rmtree(path, ignore_errors=True)


def _with_last_use(folder: Path) -> Iterator[tuple[float, Path]]:
    for entry in folder.iterdir():
        # Others extract and prune at the same time, so that an entry may be gone by now.
        with contextlib.suppress(FileNotFoundError):
            yield entry.stat().st_mtime, entry
