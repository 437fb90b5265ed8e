"""Copies of the files that a function returned, made before its process goes on."""

import asyncio
import errno
import os
import shutil
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.faults import PlatformFault, UnusableOutput
from pumphouse.executor.frames import OpenFile
from pumphouse.mapping import clean_file_name

_AT_ONCE = 4 << 20
_READ_SIZE = 1 << 20

_COPIERS = ThreadPoolExecutor(4, "copier")
"""Apart from the threads of all else, which large files must not hold up."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file as it was when the function returned it. size: in bytes."""

    path: Path
    size: int
    name: str


async def snapshots(files: tuple[OpenFile, ...], folder: Path) -> dict[str, Snapshot]:
    """A copy of each file, by output, in the new folder `folder`.

    Raises UnusableOutput, and PlatformFault when there is no room for the copies.
    """
    is_given_up = threading.Event()
    loop = asyncio.get_running_loop()
    copying = loop.run_in_executor(_COPIERS, _copy_all, files, folder, is_given_up)
    try:
        return await asyncio.shield(copying)
    except OSError as error:
        raise PlatformFault(f"Returned files cannot be copied: {error}") from error
    except asyncio.CancelledError:
        # The thread must be done with the descriptors before they are closed.
        is_given_up.set()
        await asyncio.gather(copying, return_exceptions=True)
        raise


def _copy_all(
    files: tuple[OpenFile, ...], folder: Path, is_given_up: threading.Event
) -> dict[str, Snapshot]:
    folder.mkdir(parents=True, mode=0o700)
    return {
        file.output: _copy(file, folder / str(position), is_given_up)
        for position, file in enumerate(files)
    }


def _copy(file: OpenFile, target: Path, is_given_up: threading.Event) -> Snapshot:
    found = os.fstat(file.descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnusableOutput(f"The output {file.output!r} is no regular file.")
    if found.st_size > shutil.disk_usage(target.parent).free:
        raise OSError(errno.ENOSPC, f"a file of {found.st_size} bytes has no room in", target)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        position = 0
        while position < found.st_size and not is_given_up.is_set():
            size = min(_AT_ONCE, found.st_size - position)
            copied = _copy_some(file, handle, size, position)
            if copied == 0:
                raise UnusableOutput(
                    f"The file of the output {file.output!r} ended after {position} of its"
                    f" {found.st_size} bytes. Do not change a file any more once the function has"
                    " returned it."
                )
            position += copied
    finally:
        os.close(handle)
    return Snapshot(target, found.st_size, clean_file_name(file.name))


def _copy_some(file: OpenFile, target: int, size: int, position: int) -> int:
    """Copy at most `size` bytes from `position` on; how many there were."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(file.descriptor, target, size, position, position)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
    try:
        data = os.pread(file.descriptor, min(size, _READ_SIZE), position)
    except OSError as error:
        raise UnusableOutput(
            f"The file of the output {file.output!r} cannot be read: {error.strerror}."
        ) from error
    return os.pwrite(target, data, position)
