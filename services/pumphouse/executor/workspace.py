"""The folders of one executor, and the clearing away of those that an executor left behind."""

import asyncio
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

_LOCK = ".lock"

_REMOVERS = 4
"""Threads: a folder that a process still writes to takes its time."""

_REMOVAL_RESTS_S = (0.1, 1.0, 0.0)
"""After each try to remove a folder: a process may still be putting something there."""

Later = Callable[[Callable[[], None]], None]
"""Calls what clears away, in the background."""


class Workspace:
    """Private folders below one that is locked for as long as this executor lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._removers = ThreadPoolExecutor(_REMOVERS, "remover")

    @property
    def owner(self) -> str:
        """What tells this executor from all others of this host."""
        return self._folder.name

    def owners(self) -> set[str]:
        """Those that live on this host, and maybe some that have just ended."""
        return {folder.name for folder in self._folder.parent.iterdir()}

    def new(self, purpose: str) -> Path:
        """The path of a folder that nobody else will make."""
        return self._folder / f"{purpose}-{secrets.token_hex(8)}"

    @contextmanager
    def folder(self, purpose: str) -> Iterator[Path]:
        """As `new`, for one that may be made while the context is open and is removed after it."""
        folder = self.new(purpose)
        try:
            yield folder
        finally:
            if folder.exists():
                self.discard(folder)

    def discard(self, folder: Path) -> None:
        """Remove a folder in the background."""
        self.later(partial(remove, folder))

    def later(self, removal: Callable[[], None]) -> None:
        """Call what removes folders, in the background."""
        self._removers.submit(removal)

    async def close(self) -> None:
        """Return when all that was discarded is gone."""
        await asyncio.to_thread(self._removers.shutdown)


@asynccontextmanager
async def open_workspace(work_dir: Path) -> AsyncIterator[Workspace]:
    """A workspace in `work_dir`, which other executors of this host may share."""
    runs = work_dir / "runs"
    await asyncio.to_thread(_sweep, runs)
    folder = runs / f"{os.getpid()}-{secrets.token_hex(4)}"
    handle = await asyncio.to_thread(_claim, folder)
    workspace = Workspace(folder)
    try:
        yield workspace
    finally:
        await workspace.close()
        await asyncio.to_thread(remove, folder)
        os.close(handle)


def _claim(folder: Path) -> int:
    folder.mkdir(parents=True, mode=0o711)  # user code passes through to what it has the name of
    handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _sweep(runs: Path) -> None:
    """Remove the folders of executors that are gone: nobody holds their lock."""
    for folder in runs.iterdir() if runs.is_dir() else ():
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)


def remove(folder: Path) -> None:
    """Remove a folder, whatever rights the code gave its content. Blocks."""

    def unlock(remove: Callable[[str], object], path: str, _: object) -> None:
        try:
            for locked in (os.path.dirname(path), path):
                if not os.path.islink(locked):
                    os.chmod(locked, stat.S_IRWXU)
            remove(path)
        except OSError:
            return  # a process is still writing there; the next start clears it away

    for rest_s in _REMOVAL_RESTS_S:
        shutil.rmtree(folder, onerror=unlock)
        if not folder.exists():
            return
        time.sleep(rest_s)
