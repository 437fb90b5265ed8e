"""Processes of an execution: tied to ours while it lives, and ended with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MOST_WALKS = 50

_prctl: Callable[[int, int], int] | None = None


def prepare() -> None:
    """Load what the others need, so that children share it."""
    global _prctl
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        libc = ctypes.CDLL(None)
        _prctl = lambda option, value: int(libc.prctl(option, value, 0, 0, 0))  # noqa: E731
    except (ImportError, OSError, AttributeError):
        return


def adopt_orphans() -> None:
    """Become the parent of whatever below this process loses its own."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def tie_to(parent: int) -> None:
    """End this process when its parent ends, however that happens."""
    if _prctl is not None and _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
        if os.getppid() != parent:
            os._exit(0)
    else:
        watch_parent(parent)


def watch_parent(parent: int) -> None:
    """Without the kernel's help: a thread that looks whether the parent is still there."""
    import threading
    import time

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def kill_trees(roots: Collection[int]) -> None:
    """Kill processes and all below them. They are stopped first, so that none forks meanwhile."""
    seen: set[int] = set()
    new = set(roots)
    for _ in range(_MOST_WALKS):
        for pid in new:
            _send(pid, signal.SIGSTOP)
        seen |= new
        new = _below(seen) - seen
        if not new:
            break
    for pid in seen:
        _send(pid, signal.SIGKILL)
    for pid in roots:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def end_orphans(known: Collection[int] = ()) -> None:
    """Kill the children of this process that are not known: they have fallen to it."""
    for _ in range(_MOST_WALKS):
        left = [pid for pid in _children() if pid not in known]
        if not left:
            return
        kill_trees(left)
        for pid in left:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def _below(roots: Collection[int]) -> set[int]:
    """Nothing where there is no /proc."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError, ValueError):
                with open(f"/proc/{name}/stat", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
