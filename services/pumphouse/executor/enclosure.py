"""What stands around one zygote, and the walls of the executions in it."""

import os
import secrets
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from pumphouse.executor import bubblewrap
from pumphouse.executor.allowance import Allowance
from pumphouse.executor.cgroups import Cgroups
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import Ready
from pumphouse.executor.identity import HOME, NAME, as_user, give, write_identity
from pumphouse.executor.isolation import Isolation
from pumphouse.executor.overseer import Overseer
from pumphouse.executor.plot import Plot, tells_changes_apart
from pumphouse.executor.pool_users import PoolUser
from pumphouse.executor.system_paths import (
    DEVICES,
    FOLDERS,
    LINKS,
    SETTINGS,
    is_below,
    prefixes_of,
)
from pumphouse.executor.walls import Files, Limits, Walls

RUNNER = Path(__file__).with_name("runner")

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - what user code knows it by
_TEMPORARY = "/tmp"  # noqa: S108 - likewise
_HOME_FOLDER = "home"
_TEMPORARY_FOLDER = "tmp"
_OTHERS_FOLDER = "others"

MOST_PLOTS = 16
"""Folders that wait for another execution, in one zygote."""


class Enclosure:
    """Made for one zygote. Its ground is where each execution gets a folder of its own."""

    def __init__(
        self,
        isolation: Isolation,
        interpreter: Path,
        folder: Path,
        limits: Limits,
        *,
        user: PoolUser | None,
        readable_paths: Sequence[Path] = (),
        shared_paths: Sequence[Path] = (),
        cgroups: Cgroups | None = None,
        overseer: Overseer | None = None,
    ) -> None:
        """folder: of the executor's own, which is made, beside those of other zygotes. user: where
        the isolation has users.

        readable_paths, shared_paths: shown by the operator to all user code, the latter also to
        write to. cgroups: where the host has any. Raises OSError.
        """
        self.overseer = overseer or Overseer()
        self._cgroups = cgroups
        self._shared = shared_paths
        self.ground = folder / "ground"
        self._identity = folder / "identity"
        self._plots: deque[Plot] = deque()
        self._isolation = isolation
        self._limits = limits
        self._uid = None if user is None else user.uid
        self._readable = list(dict.fromkeys([*prefixes_of(interpreter), RUNNER, *readable_paths]))
        self._shown = _shown_paths(isolation.has_view) + list(map(str, self._readable))
        folder.mkdir(parents=True)
        folder.chmod(0o711)  # without a view, the zygote has to pass through it
        self.ground.mkdir(mode=0o700)
        self._is_exact = tells_changes_apart(self.ground)
        write_identity(self._identity, self._uid)
        self.own(self.ground)

    def command(self, lifeline: int, passed: Sequence[int]) -> list[str]:
        """What stands before the command of the zygote.

        lifeline: a descriptor whose other end closes when the zygote has to end. passed: others
        that it gets. All of them must be inherited.
        """
        if not self._isolation.has_view:
            handles = ",".join(map(str, (lifeline, *passed)))
            around = [sys.executable, "-I", "-S", str(_SUPERVISOR), "0", handles]
            return [*around, *as_user(self._uid)]
        around = bubblewrap.view(
            readable=self._readable,
            identity=self._identity,
            writable=[self.ground, *self._shared],
            shared_memory_bytes=self._limits.shared_memory_bytes,
            is_root=self._uid is not None,
        )
        return [*around, *as_user(self._uid)]

    @property
    def has_view(self) -> bool:
        """Whether bubblewrap stands around, and so ends all processes with its own."""
        return self._isolation.has_view

    @property
    def has_own_places(self) -> bool:
        """Whether every execution finds its folders in the same places."""
        return self._isolation.has_view and self._isolation.has_folders

    def plot(self, purpose: str) -> Plot:
        """A folder for an execution, as if new. Raises OSError."""
        if self._plots:
            return self._plots.popleft()
        return self.furnish(self.ground / f"{purpose}-{secrets.token_hex(8)}")

    def hindrance(self, read: Iterable[str]) -> str:
        """Why a zygote must not fork whose libraries have read these variables; empty if it may."""
        names = sorted({"HOME", "TMPDIR"} & set(read))
        if not names or self.has_own_places:
            return ""
        return f"its libraries have read {names[0]}, which is another in each execution"

    def furnish(self, folder: Path) -> Plot:
        """Make the folder of an execution. Raises OSError."""
        walls = self.walls(folder)
        names = (_HOME_FOLDER, _TEMPORARY_FOLDER, _OTHERS_FOLDER)
        inner = [*(folder / name for name in names), *_mount_points(walls)]
        for path in (folder, *inner):
            os.mkdir(path, 0o700)
            if self._uid is not None:
                os.chown(path, self._uid, self._uid)
        # Where others are not hidden, it is better that nobody knows their names from before.
        keep = self._keep if self._isolation.has_folders else None
        return Plot(folder, walls, inner, self._is_exact, keep)

    def _keep(self, plot: Plot) -> bool:
        if has_room := len(self._plots) < MOST_PLOTS:
            self._plots.append(plot)
        return has_room

    def variables(self, folder: Path | None) -> dict[str, str]:
        """Those that tell user code its folders; without a folder, the libraries of a zygote."""
        names = {"LOGNAME": NAME, "USER": NAME}
        if self.has_own_places:
            return {**names, "HOME": HOME, "TMPDIR": _TEMPORARY}
        if folder is None:
            return names
        home = str(folder / _HOME_FOLDER)
        return {**names, "HOME": home, "TMPDIR": home}

    def walls(self, folder: Path) -> Walls:
        """Of an execution that has `folder`."""
        tmp = folder / _TEMPORARY_FOLDER
        has_folders = self._isolation.has_folders
        counts_processes = has_folders or self._uid is not None
        kept = [str(path) for path in (folder, *self._readable, *self._shared)]
        places = self._places(folder) if has_folders else {}
        return Walls(
            limits=self._limits.resources(counts_processes=counts_processes),
            processes=self._limits.processes if counts_processes or self._cgroups else None,
            folders=places,
            kept=[path for path in kept if is_below(path, tuple(places))],
            shared_memory_bytes=self._limits.shared_memory_bytes,
            privileges=self._isolation.has_bars,
            files=self._files(folder, tmp) if self._isolation.has_bars else None,
            calls=self._isolation.has_bars,
        )

    def _places(self, folder: Path) -> dict[str, str]:
        places = {_TEMPORARY: str(folder / _TEMPORARY_FOLDER)}
        if self.has_own_places:
            places[HOME] = str(folder / _HOME_FOLDER)
        others = self.ground.parents[1]
        if not is_below(others, (_TEMPORARY,)):
            # Landlock keeps no one from a socket whose path is known.
            places[str(others)] = str(folder / _OTHERS_FOLDER)
        return places

    def allowance(self) -> Allowance:
        """Of one more execution."""
        return Allowance(self._cgroups, self._limits)

    def check(self, ready: Ready) -> None:
        """Raises PlatformFault for a child whose walls do not stand as they did in the trial."""
        faults = [f"{name}: {reason}" for name, reason in ready.missing.items() if reason]
        if faults and self._isolation.has_bars:
            raise PlatformFault(f"The walls around user code do not stand: {'; '.join(faults)}")

    def own(self, path: Path) -> None:
        """Give a folder that no user code has had yet, and all in it, to the user of the zygote.

        Raises OSError.
        """
        give(path, self._uid)

    def _files(self, folder: Path, tmp: Path) -> Files:
        places = [_TEMPORARY, HOME] if self.has_own_places else [_TEMPORARY]
        own = [*places, _SHARED_MEMORY] if self._isolation.has_folders else [str(tmp)]
        return Files(
            readable=self._shown,
            writable=[str(folder), *own, *map(str, self._shared), *DEVICES],
            # Shared with executions beside it: semaphores need it, and their names are secrets.
            unlisted=[] if self._isolation.has_folders else [_SHARED_MEMORY],
            is_scoped=self._isolation.is_scoped,
        )


def _mount_points(walls: Walls) -> list[Path]:
    """Where that which is kept comes to be in private folders, each after those that it is in."""
    found: dict[Path, None] = {}
    for kept in walls.kept:
        for place, private in walls.folders.items():
            if is_below(kept, (place,)):
                steps = Path(kept).relative_to(place).parts
                if os.path.isfile(kept):  # which the child makes room for
                    steps = steps[:-1]
                found |= dict.fromkeys(
                    Path(private, *steps[: number + 1]) for number in range(len(steps))
                )
    return list(found)


def _shown_paths(has_view: bool) -> list[str]:
    """In a view, /etc has only what was chosen; elsewhere it is chosen here."""
    settings = ["/etc"] if has_view else [*SETTINGS, "/etc/passwd", "/etc/group"]
    links = [path for path in LINKS if os.path.isdir(path) and not os.path.islink(path)]
    return [path for path in (*FOLDERS, *links, *settings) if os.path.exists(path)] + ["/proc"]
