"""The walls around user code, raised by the process that is going to run it."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner import kernel, landlock, namespaces, seccomp

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_NO_NEW_PRIVS = 38


def prepare() -> None:
    """Make what raising needs. In the process that forks, so that its children share it."""
    if os.uname().machine in seccomp.MACHINES:
        seccomp.program(os.uname().machine)


def raise_walls(walls: dict[str, Any]) -> dict[str, str]:
    """Raise what is asked for (see `pumphouse.executor.walls.Walls`), for good.

    Only in a process of one thread. Gives for each wall asked for why it does not stand, and
    nothing when it does.
    """
    found: dict[str, str] = {}

    def attempt(name: str, build: Callable[..., None], *arguments: Any, **options: Any) -> None:
        try:
            build(*arguments, **options)
            found[name] = ""
        except Exception as error:
            found[name] = str(error) or type(error).__name__

    attempt("limits", _limit, {n: v for n, v in walls["limits"].items() if n != "NPROC"})
    if walls["folders"]:
        places = (walls["folders"], walls["kept"], walls["shared_memory_bytes"])
        attempt("folders", namespaces.enter, *places)
    # In a user namespace of its own, a process is counted with what it started and nothing else.
    attempt("processes", _limit, {n: v for n, v in walls["limits"].items() if n == "NPROC"})
    if walls["privileges"]:
        attempt("privileges", _give_up_privileges)
    if walls["files"] is not None:
        attempt("files", landlock.restrict, **walls["files"])
    if walls["calls"]:
        attempt("calls", seccomp.refuse_calls)
    return found


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        _, most = resource.getrlimit(kind)
        bound = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (bound, bound))


def _give_up_privileges() -> None:
    namespaces.drop_capabilities()
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
