"""The folder of one execution. What is as it was when new is used again, the code in it too.

That spares the time to make and remove it, which is long where much has just been removed: ext4
passes over what was deleted within the last seconds, one by one (`find_inode_bit` in
fs/ext4/ialloc.c).
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.archives import copy_code, use
from pumphouse.executor.sandbox import CODE
from pumphouse.executor.walls import Walls
from pumphouse.executor.workspace import remove

_KEPT = "kept"
"""Name of the folder of the code while no execution has it."""

_MOST_ENTRIES = 50
"""Of code that is looked through before and after each execution."""

_TICK_NS = 11_000_000
_LOOKS = 6


@dataclass(eq=False)
class Plot:
    """walls: around the execution that has it. inner: all folders in it that are made with it.

    is_exact: see `tells_changes_apart`. keep: takes it for another execution, or does not; None
    where each has to have a new one.
    """

    folder: Path
    walls: Walls
    inner: Sequence[Path]
    is_exact: bool
    keep: "Callable[[Plot], bool] | None"
    _source: Path | None = None
    """What the code in it is a copy of."""
    _before: dict[str, int] | None = None
    _code_before: dict[str, int] | None = None

    def has(self, code: Path) -> bool:
        """Whether `furnish` has nothing to copy, and takes no time."""
        return self._source == code

    def furnish(self, code: Path, own: Callable[[Path], None]) -> None:
        """Have a copy of the folder of an archive as CODE. own: gives it to the user of the code.

        Blocks. Raises OSError.
        """
        place = self.folder / CODE
        if self.has(code):
            use(code)
            (self.folder / _KEPT).rename(place)
            return
        if self._source is not None:
            self._source = None
            remove(self.folder / _KEPT)
        copy_code(code, place)
        own(place)
        self._source = code

    def begin(self) -> None:
        """The executor has put there what it had to, and user code comes now. Raises OSError."""
        if self.keep is None:
            return
        before = changes_of(self.folder, *self.inner)
        made_at = max(before[str(path)] for path in self.inner)
        self._before = before if self.is_exact or time.time_ns() - made_at > _TICK_NS else None
        code = [*_entries(self.folder / CODE)] if self._source is not None else []
        self._code_before = (
            changes_of(*code) if self.is_exact and 0 < len(code) <= _MOST_ENTRIES else None
        )

    def take_back(self) -> bool:
        """Do as `clear` where nothing is to be removed; whether that is so. It takes no time."""
        try:
            if not (self._is_untouched() and self._is_code_untouched()):
                return False
            if self._brought() != {self.folder / CODE}:
                return False
            self._put_code_aside()
        except OSError:
            return False
        return self._is_kept()

    def clear(self) -> None:
        """Take it back from an execution that is gone with all its processes. Blocks."""
        try:
            if not self._is_untouched():
                remove(self.folder)
                return
            if self._is_code_untouched():
                self._put_code_aside()
            else:
                self._source = None
            for path in self._brought() - {self.folder / _KEPT}:
                remove(path)
        except OSError:  # it has changed so much that it cannot even be looked at
            self._before = None
        if self._before is None or not self._is_kept():
            remove(self.folder)

    def _brought(self) -> set[Path]:
        """What is there beside that which was made with it. Raises OSError."""
        return set(self.folder.iterdir()).difference(self.inner)

    def _put_code_aside(self) -> None:
        """Raises OSError."""
        (self.folder / CODE).rename(self.folder / _KEPT)

    def _is_kept(self) -> bool:
        self._before = self._code_before = None
        return self.keep is not None and self.keep(self)

    def _is_untouched(self) -> bool:
        """Raises OSError."""
        return self._before is not None and self._before == changes_of(*self._before)

    def _is_code_untouched(self) -> bool:
        """Raises OSError."""
        before = self._code_before
        return before is not None and before == changes_of(*_entries(self.folder / CODE))


def changes_of(*paths: Path | str) -> dict[str, int]:
    """When a name, a right, an attribute or the content of each last changed. Raises OSError."""
    return {str(path): os.lstat(path).st_ctime_ns for path in paths}


def tells_changes_apart(folder: Path) -> bool:
    """Whether any two changes have different times, if somebody has looked between them.

    So it is in Linux since 6.13, in most file systems. Elsewhere changes have the time of the last
    tick, of which there are 100 a second or more. Raises OSError.
    """
    times = set()
    for look in range(_LOOKS):
        os.chmod(folder, 0o700 + look % 2)
        times.add(os.lstat(folder).st_ctime_ns)
    os.chmod(folder, 0o700)
    return len(times) == _LOOKS


def _entries(folder: Path) -> Iterator[str]:
    """It and what is below it, links not followed, at most one more than is looked through."""
    waiting = [str(folder)]
    count = 0
    while waiting and count <= _MOST_ENTRIES:
        path = waiting.pop()
        count += 1
        yield path
        if os.path.isdir(path) and not os.path.islink(path):
            with os.scandir(path) as entries:
                waiting += [entry.path for entry in entries]
