"""How far executions are kept from the host and from one another, by what this host can do."""

from collections.abc import Mapping
from enum import IntEnum

import msgspec


class Level(IntEnum):
    """PLAIN: processes with limits. BARRED: nothing but their own files, no system call that they
    do not need, no user that matters. WALLED: a view of the disk and of processes beside that."""

    PLAIN = 1
    BARRED = 2
    WALLED = 3


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """missing: what would make it better, each with the reason why it is not there.

    has_view: bubblewrap stands around. has_user: user code runs as a user of the pool. has_folders:
    each execution has its own /tmp and /dev/shm. is_scoped: it cannot signal what it did not start.
    """

    level: Level
    missing: list[str] = []
    has_view: bool = False
    has_user: bool = False
    has_folders: bool = False
    is_scoped: bool = False

    @property
    def has_bars(self) -> bool:
        return self.level >= Level.BARRED


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """problem: why nothing could be started there, "" when it could. walls: see `raise_walls`."""

    problem: str = ""
    walls: Mapping[str, str] = {}

    def faults(self) -> list[str]:
        """Why what every execution behind bars needs does not stand."""
        if self.problem:
            return [self.problem]
        needed = ((name, self.walls.get(name, "was not tried")) for name in _NEEDED)
        return [f"{_WORDS[name]}: {reason}" for name, reason in needed if reason]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """users: why the executor cannot run code as a user of the pool, "" when it can; only root can.

    landlock: its version in the kernel, 0 without. view, bars: what a canary found with bubblewrap
    around it, and without.
    """

    is_root: bool
    users: str
    landlock: int
    view: Trial
    bars: Trial


_NEEDED = ("limits", "privileges", "files", "calls", "folder", "interpreter")
_WORDS = {
    "limits": "resource limits",
    "privileges": "no new privileges",
    "files": "Landlock",
    "calls": "seccomp",
    "folder": "a folder to write to",
    "interpreter": "the interpreter",
    "folders": "its own /tmp and /dev/shm",
}


def isolation_of(facts: Facts, scoping: int) -> Isolation:
    """The best that these facts allow. scoping: the first version of Landlock with scopes."""
    if facts.is_root and facts.users:
        missing = [f"user code runs as root, because {facts.users}"]
        return Isolation(level=Level.PLAIN, missing=missing)
    missing = [f"bubblewrap: {fault}" for fault in facts.view.faults()]
    trial, level = (facts.bars, Level.BARRED) if missing else (facts.view, Level.WALLED)
    if faults := trial.faults():
        if facts.is_root:
            faults.append("user code runs as root")
        return Isolation(level=Level.PLAIN, missing=list(dict.fromkeys(missing + faults)))
    if reason := trial.walls.get("folders", "was not tried"):
        missing.append(f"{_WORDS['folders']}: {reason}")
    if facts.landlock < scoping:
        missing.append(
            f"signals are not kept inside: the kernel has Landlock {facts.landlock}, and {scoping}"
            " does"
        )
    return Isolation(
        level=level,
        missing=missing,
        has_view=level is Level.WALLED,
        has_user=facts.is_root,
        has_folders=not trial.walls.get("folders", "was not tried"),
        is_scoped=facts.landlock >= scoping,
    )
