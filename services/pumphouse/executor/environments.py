"""Installed environments on this host's disk, which its executors share."""

import asyncio
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.workspace import Workspace

_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_COMPLETE = ".complete"
_ASIDE = ".removed-"
_RECENT_S = 3600
_LOOK_EVERY_S = 0.05


class Held:
    """An environment that stays for as long as this is not released."""

    def __init__(self, folder: Path, handle: int) -> None:
        self.interpreter = folder / "bin" / "python"
        self._folder = folder
        self._handle = handle

    def shared(self) -> "Held":
        """The same, to be released by itself."""
        return Held(self._folder, os.dup(self._handle))

    def release(self) -> None:
        os.close(self._handle)


class Environments:
    """One folder for each id. It is made under a lock, where it will stay, because its scripts name
    their interpreter by its path; a file that is written last says that it is complete.

    Holders share its lock, so that nobody removes it from under them, and so does whatever kills
    them: the kernel lets go of their locks.
    """

    def __init__(self, folder: Path, workspace: Workspace, kept: int) -> None:
        """kept: environments that stay; older ones go, but none in use or used lately."""
        self._folder = folder
        self._workspace = workspace
        self._kept = kept

    async def hold(self, identifier: str, make: Callable[[Path], Awaitable[None]]) -> Held:
        """The environment, made first when it is not here, by one executor of this host.

        make: makes the folder. What it raises is raised, and nothing is left. Raises PlatformFault.
        """
        if _IDENTIFIER.fullmatch(identifier) is None:
            raise PlatformFault(f"{identifier!r} cannot be an environment.")
        folder = self._folder / identifier
        handle = self._open_lock(identifier)
        try:
            while True:
                await _lock(handle, fcntl.LOCK_SH)
                if _is_complete(folder):
                    os.utime(folder / _COMPLETE)
                    return Held(folder, handle)
                fcntl.flock(handle, fcntl.LOCK_UN)
                await _lock(handle, fcntl.LOCK_EX)
                if not _is_complete(folder):
                    await self._make(folder, make)
        except OSError as error:
            os.close(handle)
            raise PlatformFault(f"The environment {identifier} cannot be made: {error}") from error
        except BaseException:
            os.close(handle)
            raise

    def collect(self) -> None:
        """Remove the longest unused beyond those that stay, and what was left incomplete."""
        for entry in self._folder.glob(f"{_ASIDE}*"):
            self._workspace.discard(entry)
        found = [path for path in self._folder.iterdir() if _IDENTIFIER.fullmatch(path.name)]
        by_use = sorted((_last_use(path), path) for path in found)
        superfluous = by_use[: max(0, len(by_use) - self._kept)]
        for used_at, folder in by_use:
            is_old = used_at < time.time() - _RECENT_S
            if used_at == 0 or (is_old and (used_at, folder) in superfluous):
                self._remove_unused(folder)

    def _remove_unused(self, folder: Path) -> None:
        handle = self._open_lock(folder.name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._put_aside(folder)
        except OSError:
            return  # it is in use, or gone
        finally:
            os.close(handle)

    async def _make(self, folder: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        self._put_aside(folder)
        try:
            await make(folder)
            await asyncio.to_thread(_protect, folder)
            _complete(folder)
        except BaseException:
            self._put_aside(folder)
            raise

    def _put_aside(self, folder: Path) -> None:
        """Take it away at once, and remove it in the background."""
        if folder.exists():
            aside = folder.with_name(_ASIDE + secrets.token_hex(8))
            folder.rename(aside)
            self._workspace.discard(aside)

    def _open_lock(self, identifier: str) -> int:
        locks = self._folder / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            return os.open(locks / identifier, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PlatformFault(f"No environment can be locked: {error}") from error


async def _lock(handle: int, kind: int) -> None:
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_LOOK_EVERY_S)
        else:
            return


def _is_complete(folder: Path) -> bool:
    """Whether all is there, and the Python that it was made with as well."""
    return (folder / _COMPLETE).exists() and (folder / "bin" / "python").exists()


def _last_use(folder: Path) -> float:
    """In seconds since the epoch; 0 for what is not complete."""
    try:
        return (folder / _COMPLETE).stat().st_mtime
    except OSError:
        return 0


def _protect(folder: Path) -> None:
    """Take the right to write from everyone, but for the folder itself."""
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(root, name)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~0o222)


def _complete(folder: Path) -> None:
    (folder / _COMPLETE).touch(mode=0o444)
    folder.chmod(0o555)
