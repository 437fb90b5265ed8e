"""The folder of one execution. One that is as it was when new is used again.

That spares the time to make folders, which is long beside the removal of others: ext4 passes over
what was deleted within the last seconds, one by one (`find_inode_bit` in fs/ext4/ialloc.c).
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.walls import Walls
from pumphouse.executor.workspace import remove

_TICK_NS = 11_000_000
"""The kernel's clock for files may stand still so long: Linux since 6.13 notes each change that
anybody could see, and earlier ones note the last tick, of which there are 100 a second or more."""


@dataclass(eq=False)
class Plot:
    """walls: around the execution that has it. inner: all folders in it that are made with it.
    keep: takes it for another execution, or does not; None where each has to have a new one.
    """

    folder: Path
    walls: Walls
    inner: Sequence[Path]
    keep: "Callable[[Plot], bool] | None"
    _changes_before: list[int] | None = None

    def begin(self) -> None:
        """The executor has put there what it had to, and user code comes now."""
        if self.keep is not None:
            changes = self._changes()
            is_settled = time.time_ns() - max(changes[1:]) > _TICK_NS
            self._changes_before = changes if is_settled else None

    def clear(self) -> None:
        """Take it back from an execution that is gone with all its processes. Blocks."""
        before, self._changes_before = self._changes_before, None
        try:
            if self.keep is not None and before is not None and before == self._changes():
                for path in set(self.folder.iterdir()).difference(self.inner):
                    remove(path)
                if self.keep(self):
                    return
        except OSError:
            pass  # it has changed so much that it cannot even be looked at
        remove(self.folder)

    def _changes(self) -> list[int]:
        """When a name, a right or an attribute of each folder last changed. Raises OSError."""
        return [os.lstat(path).st_ctime_ns for path in (self.folder, *self.inner)]
