"""Users that no one on this host is: numbers, one for each zygote, shared out among executors."""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.faults import PlatformFault

_FOLDERS = Path("/run/pumphouse-users")


@dataclass(frozen=True)
class PoolUser:
    """Of whoever holds it; its group has the same number."""

    uid: int
    _handle: int

    def release(self) -> None:
        """End all that still runs as this user, and let others have it."""
        try:
            end_processes_of(self.uid)
        finally:
            os.close(self._handle)


class PoolUsers:
    """Only for an executor that is root."""

    def __init__(self, first: int, count: int, folder: Path) -> None:
        """folder: for the locks; all executors of a host have the same. Raises PlatformFault."""
        if first < 1000 or count < 1:
            raise PlatformFault(f"Users of the pool cannot begin at {first} and be {count}.")
        self._numbers = range(first, first + count)
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        except OSError as error:
            raise PlatformFault(f"No folder for users of the pool: {error}") from error

    def claim(self) -> PoolUser:
        """One that nobody has and nothing runs as. Raises PlatformFault when there is none."""
        busy = users_of_processes()
        for uid in self._numbers:
            if uid not in busy and (user := self._claimed(uid)) is not None:
                return user
        raise PlatformFault(f"All {len(self._numbers)} users of the pool are in use.")

    def _claimed(self, uid: int) -> PoolUser | None:
        try:
            path = self._folder / str(uid)
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise PlatformFault(f"No user of the pool can be claimed: {error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return PoolUser(uid, handle)


def folder_for_locks(work_dir: Path) -> Path:
    """Where the executors of this host meet: all of them, or at least those of one work_dir."""
    return _FOLDERS if os.access(_FOLDERS.parent, os.W_OK) else work_dir / "pool-users"


def users_of_processes() -> set[int]:
    """Every user id that a process of this host has."""
    return {uid for _, uids in _processes() for uid in uids}


def end_processes_of(uid: int) -> None:
    """Return when nothing runs as this user, whatever it starts meanwhile."""
    while running := [pid for pid, uids in _processes() if uid in uids]:
        for pid in running:
            with contextlib.suppress(OSError):
                _kill(pid, uid)


def _kill(pid: int, uid: int) -> None:
    """Kill it unless the number has meanwhile become somebody else's."""
    handle = os.pidfd_open(pid)
    try:
        if uid in _users_of(pid):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)


def _processes() -> Iterator[tuple[int, set[int]]]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            yield int(name), _users_of(int(name))


def _users_of(pid: int) -> set[int]:
    """Of a process that runs: a dead one that is not reaped yet has none. Raises OSError."""
    with open(f"/proc/{pid}/status", "rb") as status:
        fields = dict(line.split(b":", 1) for line in status if b":" in line)
    return set() if fields[b"State"].strip()[:1] in b"ZX" else set(map(int, fields[b"Uid"].split()))
