"""How much one child may use: held by a control group where there are any, else by the process."""

import contextlib

from pumphouse.executor.cgroup import Cgroup
from pumphouse.executor.cgroups import Cgroups, NoCgroups
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.walls import Limits

_OVERHEAD = 256 << 20
"""Bytes that an interpreter and its libraries reserve before any user code does."""


class Allowance:
    """memory_bytes: what it may have now, None for as much as there is."""

    def __init__(self, cgroups: Cgroups | None, limits: Limits) -> None:
        self.limits = limits
        self.memory_bytes = limits.memory_bytes
        self.pid: int | None = None
        """Of the child, on this host; None where that is not known."""
        self._cgroups = cgroups
        self._group: Cgroup | None = None
        self._fault: PlatformFault | None = None

    @property
    def has_group(self) -> bool:
        return self._group is not None

    @property
    def awaits_group(self) -> bool:
        """Whether the child is to be put into one: the host has some, and its number is known."""
        return self._cgroups is not None and self.pid is not None

    def begin(self) -> None:
        """Put the child, which has run nothing yet, into a group. Blocks.

        What hinders that, `limit` says.
        """
        assert self._cgroups is not None
        assert self.pid is not None
        try:
            self._group = self._cgroups.acquire()
            self._group.enter(self.pid)
        except ProcessLookupError:
            return  # it has gone meanwhile
        except (NoCgroups, OSError) as error:
            self._fault = PlatformFault(f"A child has no control group: {error}")

    def limit(self, memory_bytes: int | None) -> int | None:
        """It is about to run; memory_bytes: None for what is usual.

        What its process must limit its data to, by itself, where nothing else does. Raises
        PlatformFault.
        """
        if self._fault is not None:
            raise self._fault
        self.memory_bytes = memory_bytes or self.limits.memory_bytes
        if self._group is None:
            return None if self.memory_bytes is None else data_bytes(self.memory_bytes)
        try:
            self._group.limit(self.memory_bytes, self.limits.processes)
        except OSError as error:
            raise PlatformFault(f"The memory of a child cannot be limited: {error}") from error
        return None

    def overrun(self) -> str | None:
        """What it was ended for by the system, if it was."""
        with contextlib.suppress(OSError):
            if self._group is not None and self._group.was_out_of_memory():
                return out_of_memory(self.memory_bytes)
        return None

    def end(self) -> None:
        """The child has ended, and all that it started."""
        if self._group is not None and self._cgroups is not None:
            self._cgroups.release(self._group)
            self._group = None


def data_bytes(memory_bytes: int) -> int:
    """What one process may reserve, where nothing counts what it really has."""
    return memory_bytes + _OVERHEAD


def out_of_memory(limit: int | None) -> str:
    usual = "there is" if limit is None else f"its limit of {size_text(limit)}"
    return f"The execution needed more memory than {usual} and was stopped."


def size_text(size: int) -> str:
    """As people write it, in the largest unit of which it is 1 or more."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"
