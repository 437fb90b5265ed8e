"""One control group: what is in it has a limit of memory and of processes, and ends together."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = "cgroup.procs"
_NUMBER_SIZE = 32
_EVENTS_SIZE = 4096

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


class Cgroup:
    """Every method raises OSError."""

    def __init__(self, words: Words, memory: Path, pids: Path) -> None:
        """memory, pids: its folders, which are one in version 2."""
        self.words = words
        self.memory = memory
        self.pids = pids
        self._limits: tuple[int | None, int] | None = None
        self._killed_before = 0
        with contextlib.ExitStack() as opened:

            def opened_file(path: Path, flags: int) -> int:
                handle = os.open(path, flags | os.O_CLOEXEC)
                opened.callback(os.close, handle)
                return handle

            self._events = opened_file(memory / words.events, os.O_RDONLY)
            self._count = opened_file(pids / "pids.current", os.O_RDONLY)
            self._entrances = [
                opened_file(folder / _PROCESSES, os.O_WRONLY)
                for folder in dict.fromkeys((memory, pids))
            ]
            self._opened = opened.pop_all()

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
        """Take in a process of one thread, by its number on this host.

        It blocks while forks are under way anywhere: the kernel lets them end first.
        """
        for entrance in self._entrances:
            os.write(entrance, str(pid).encode())

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
        return int(os.pread(self._count, _NUMBER_SIZE, 0)) == 0

    def close(self) -> None:
        """Ask and tell the kernel no more."""
        self._opened.close()

    def _killed(self) -> int:
        for line in os.pread(self._events, _EVENTS_SIZE, 0).splitlines():
            name, _, value = line.partition(b" ")
            if name == b"oom_kill":
                return int(value)
        return 0

    def _processes(self) -> list[int]:
        """But for those that this process has no number for."""
        pids = map(int, (self.pids / _PROCESSES).read_text().split())
        return [pid for pid in pids if pid > 0]


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
