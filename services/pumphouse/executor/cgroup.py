"""One control group: what is in it has a limit of memory and of processes, and ends together."""

import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

_PASSES = 2
"""What was being born while the first pass was under way is there for the second."""


@dataclass(frozen=True)
class Words:
    """The names of files in one version of control groups, and what is written to them.

    swap_is_total: whether the limit of swap counts memory too. kill: a file that ends all at once.
    """

    memory: str
    swap: str
    swap_is_total: bool
    events: str
    no_limit: str
    kill: str | None


V1 = Words(
    memory="memory.limit_in_bytes",
    swap="memory.memsw.limit_in_bytes",
    swap_is_total=True,
    events="memory.oom_control",
    no_limit="-1",
    kill=None,
)
V2 = Words(
    memory="memory.max",
    swap="memory.swap.max",
    swap_is_total=False,
    events="memory.events",
    no_limit="max",
    kill="cgroup.kill",
)


@dataclass
class Cgroup:
    """memory, pids: its folders, which are one in version 2. Every method raises OSError."""

    words: Words
    memory: Path
    pids: Path
    _limits: tuple[int | None, int] | None = None
    _killed_before: int = field(default=0)

    def begin(self) -> None:
        """Forget what happened to those that were in it."""
        self._killed_before = self._killed()

    def limit(self, memory_bytes: int | None, processes: int) -> None:
        """processes: threads count too. memory_bytes: with the pages of files, which make room."""
        if self._limits == (memory_bytes, processes):
            return
        self._limits = None
        words = self.words
        memory = words.no_limit if memory_bytes is None else str(memory_bytes)
        with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
            # In version 1 it may never be less than that of memory, which may be rising.
            _write(self.memory / words.swap, words.no_limit)
        _write(self.memory / words.memory, memory)
        if memory_bytes is not None:
            with contextlib.suppress(FileNotFoundError):
                _write(self.memory / words.swap, memory if words.swap_is_total else "0")
        _write(self.pids / "pids.max", str(processes))
        self._limits = (memory_bytes, processes)

    def enter(self, pid: int) -> None:
        """Take in a process of one thread, by its number on this host."""
        for folder in dict.fromkeys((self.memory, self.pids)):
            _write(folder / "cgroup.procs", str(pid))

    def was_out_of_memory(self) -> bool:
        """Whether something has been killed since `begin` because the memory did not suffice."""
        return self._killed() > self._killed_before

    def kill(self) -> None:
        """End all that is in it, and whatever that starts meanwhile. It does not wait for that."""
        if self.words.kill is not None and (self.pids / self.words.kill).exists():
            _write(self.pids / self.words.kill, "1")
            return
        self._limits = None
        _write(self.pids / "pids.max", "0")
        for _ in range(_PASSES):
            for pid in self._processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def is_empty(self) -> bool:
        return not any((f / "cgroup.procs").read_text() for f in {self.memory, self.pids})

    def remove(self) -> None:
        for folder in dict.fromkeys((self.memory, self.pids)):
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()

    def _killed(self) -> int:
        for line in (self.memory / self.words.events).read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0

    def _processes(self) -> list[int]:
        """But for those that this process has no number for."""
        pids = map(int, (self.pids / "cgroup.procs").read_text().split())
        return [pid for pid in pids if pid > 0]


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
