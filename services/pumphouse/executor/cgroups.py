"""Control groups of this executor, where the host lets it have any."""

import contextlib
import fcntl
import itertools
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pumphouse.errors import PumphouseError
from pumphouse.executor.cgroup import V1, V2, Cgroup, Words

_NAME = "pumphouse"
_SERVICE = "pumphouse-executor"
_MOST_FREE = 8
"""Groups that wait for a child."""

_CONTROLLERS = ("memory", "pids")
_MOUNTS = Path("/proc/self/mountinfo")
_MEMBERSHIPS = Path("/proc/self/cgroup")


class NoCgroups(PumphouseError):
    """The host gives this executor no control groups; the message says why."""


@dataclass(frozen=True)
class Mount:
    """Of a hierarchy. root: which of its groups is seen at `path`. controllers: of version 1
    alone."""

    path: Path
    root: str
    controllers: frozenset[str]
    version: int


@dataclass(frozen=True)
class Parents:
    """Where this executor may make groups."""

    words: Words
    memory: Path
    pids: Path


class Cgroups:
    """For threads. Empty ones are used again: making one costs more than a limit."""

    def __init__(self, parents: Parents) -> None:
        """Raises NoCgroups."""
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        folders = dict.fromkeys((parents.memory, parents.pids))
        self._words = parents.words
        self._memory, self._pids = (p / _NAME / name for p in (parents.memory, parents.pids))
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._made: set[Cgroup] = set()
        self._free: list[Cgroup] = []
        self._busy: list[Cgroup] = []
        self._handles: list[int] = []
        try:
            for folder in folders:
                self._open(folder / _NAME, name)
        except OSError as error:
            self.close()
            raise NoCgroups(f"no group can be made: {error}") from error

    def acquire(self) -> Cgroup:
        """An empty one. Raises NoCgroups."""
        try:
            with self._lock:
                if not self._free:
                    self._settle()
                group = self._free.pop() if self._free else self._new()
            group.begin()
        except OSError as error:
            raise NoCgroups(f"no group can be made: {error}") from error
        return group

    def release(self, group: Cgroup) -> None:
        """End what is left in it, and keep it for another."""
        with self._lock:
            with contextlib.suppress(OSError):
                if group.is_empty():
                    self._keep(group)
                    return
                group.kill()
            self._busy.append(group)

    def close(self) -> None:
        """Remove them all; what still has a process in it is for the next executor to remove."""
        for group in self._made:
            group.close()
        for folder in dict.fromkeys((self._memory, self._pids)):
            _remove(folder)
        for handle in self._handles:
            os.close(handle)
        self._handles.clear()

    def _settle(self) -> None:
        """Take back those whose last process has ended; one that has gone is forgotten."""
        busy, self._busy = self._busy, []
        for group in busy:
            with contextlib.suppress(OSError):
                if group.is_empty():
                    self._keep(group)
                else:
                    self._busy.append(group)

    def _keep(self, group: Cgroup) -> None:
        if len(self._free) < _MOST_FREE:
            self._free.append(group)
            return
        self._made.discard(group)
        group.close()
        for folder in {group.memory, group.pids}:
            with contextlib.suppress(OSError):  # what has just ended may count still
                folder.rmdir()

    def _new(self) -> Cgroup:
        number = str(next(self._numbers))
        memory, pids = (folder / number for folder in (self._memory, self._pids))
        for folder in dict.fromkeys((memory, pids)):
            folder.mkdir()
        group = Cgroup(self._words, memory, pids)
        self._made.add(group)
        return group

    def _open(self, common: Path, name: str) -> None:
        """A folder that is locked for as long as this executor lives."""
        common.mkdir(exist_ok=True)
        own = common / name
        with _locked(common):  # until our own is locked, another executor would sweep it away
            _sweep(common)
            own.mkdir()
            handle = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
            self._handles.append(handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if self._words is V2:
            for folder in (common, own):
                _give_controllers(folder)


def find_parents(
    mounts: Path = _MOUNTS, memberships: Path = _MEMBERSHIPS, *, is_root: bool
) -> Parents:
    """Where groups can be made. Raises NoCgroups that says why nowhere."""
    try:
        found = mounts_in(mounts.read_text())
        own = memberships_in(memberships.read_text())
    except OSError as error:
        raise NoCgroups(f"the kernel has none: {error}") from error
    first = {name: m for m in found for name in m.controllers if name in _CONTROLLERS}
    if len(first) == len(_CONTROLLERS):
        memory, pids = (_place(first[name], own.get(name, "/")) for name in _CONTROLLERS)
        parents = Parents(V1, memory, pids)
    else:
        parents = _unified(found, own, is_root=is_root)
    for folder in (parents.memory, parents.pids):
        if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_RDONLY:
            raise NoCgroups(f"{folder} is not writable")
    return parents


def mounts_in(text: str) -> list[Mount]:
    """Hierarchies in what the kernel says of mounts, see proc_pid_mountinfo(5)."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = [*after.split(" "), "", ""][:3]
        fields = before.split(" ")
        if kind in ("cgroup", "cgroup2") and len(fields) > 4:
            version = 2 if kind == "cgroup2" else 1
            controllers = frozenset(options.split(",") if version == 1 else ())
            found.append(Mount(Path(fields[4]), fields[3], controllers, version))
    return found


def memberships_in(text: str) -> dict[str, str]:
    """The group of this process for each controller of version 1, and for "" that of version 2."""
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _unified(mounts: list[Mount], own: dict[str, str], *, is_root: bool) -> Parents:
    mount = next((m for m in mounts if m.version == 2), None)
    if mount is None:
        raise NoCgroups("no hierarchy with memory and pids is mounted")
    at = _place(mount, own.get("", "/"))
    if at.name == _SERVICE:  # where an executor has moved what was here, itself or one before
        at = at.parent
    # Outside of what a service manager has given away, only root can make groups, at the top.
    folder = mount.path if is_root and not _is_delegated(at) else at
    try:
        offered = (folder / "cgroup.controllers").read_text().split()
        if missing := sorted(set(_CONTROLLERS) - set(offered)):
            raise NoCgroups(f"{folder} has no controller for {' and '.join(missing)}")
        _give_controllers(folder)
    except OSError as error:
        raise NoCgroups(f"no controllers can be had from {folder}: {error}") from error
    return Parents(V2, folder, folder)


def _place(mount: Mount, group: str) -> Path:
    """Where a group is seen, which in a container may be at the top."""
    relative = os.path.relpath(group, mount.root)
    folder = mount.path if relative.startswith("..") else mount.path / relative
    return folder if folder.is_dir() else mount.path


def _is_delegated(folder: Path) -> bool:
    """Whether systemd says that others may rule below this group."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _give_controllers(folder: Path) -> None:
    """To the groups in this one. All that is in it moves to one of them: only leaves may have
    both processes and limits, but for the top of all. Raises OSError."""
    control = folder / "cgroup.subtree_control"
    if set(_CONTROLLERS) <= set(control.read_text().split()):
        return
    if (folder / "cgroup.type").exists() and (pids := (folder / "cgroup.procs").read_text()):
        leaf = folder / _SERVICE
        leaf.mkdir(exist_ok=True)
        for pid in pids.split():
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(pid)
    control.write_text(" ".join(f"+{name}" for name in _CONTROLLERS))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(common: Path) -> None:
    """Remove the groups of executors that are gone: nobody holds their lock."""
    for folder in [entry for entry in common.iterdir() if entry.is_dir()]:
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
        except OSError:
            continue
        finally:
            os.close(handle)


def _remove(folder: Path) -> None:
    """With the groups in it, unless something still runs there."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir():
                entry.rmdir()
        folder.rmdir()
