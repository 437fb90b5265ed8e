"""From a fork to a place for user code: its own session, streams, folder, walls; then its jobs."""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import importlib.machinery
import os
import signal
import sys
import types
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner import preloading, processes, walls
from pumphouse.executor.runner.channel import Channel
from pumphouse.executor.runner.failures import set_limits
from pumphouse.executor.runner.jobs import Runner, current_execution_id, set_bare_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEYOND_OURS = 16
_AS_IN_A_NEW_PROCESS = ("SIGINT", "SIGCHLD", "SIGTERM", "SIGHUP")


def prepare() -> None:
    """In the zygote: what every child needs."""
    provide_execution_context(current_execution_id)


def run(
    order: dict[str, Any],
    descriptors: Sequence[int],
    parent: int,
    bare_environment: dict[str, str],
    preloaded: preloading.Preloaded,
) -> None:
    """Be the child of an order; does not return but by an error."""
    unentered = _enter_groups(descriptors[3:])
    os.setsid()
    processes.tie_to(parent)
    processes.adopt_orphans()
    channel = Channel(_take(descriptors))
    for name in _AS_IN_A_NEW_PROCESS:
        default = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        signal.signal(getattr(signal, name), default)
    set_bare_environment(bare_environment)
    missing = {**unentered, **walls.raise_walls(order["walls"])}
    set_limits(order["walls"]["limits"])
    preloading.import_quietly(order["modules"])
    preloading.start_afresh()
    channel.send("ready", missing=missing)
    start = channel.receive()
    try:
        runner = Runner(channel, start, preloaded)
        runner.settle()
    except (OSError, ValueError) as error:
        channel.send("unfit", message=f"{type(error).__name__}: {error}")
        os._exit(0)
    runner.run()


def provide_execution_context(execution_id: contextvars.ContextVar[str]) -> None:
    """Make `__craft_internal_execution_context` importable, and nothing else of ours."""
    name = "__craft_internal_execution_context"
    module = types.ModuleType(name)
    module.__dict__["current_execution_id"] = execution_id
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module


def _enter_groups(entrances: Sequence[int]) -> dict[str, str]:
    """Be in control groups first of all, so that all it takes is counted; why it is in none."""
    try:
        for entrance in entrances:
            os.write(entrance, b"0")
    except OSError as error:
        return {"groups": str(error)}
    return {}


def _take(descriptors: Sequence[int]) -> int:
    """Keep the socket and the two streams, and close all else; the number of the socket."""
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDONLY)
    sources = [null, descriptors[1], descriptors[2], descriptors[0]]
    # Away from the low numbers first, which they are to have.
    moved = [fcntl.fcntl(source, fcntl.F_DUPFD, _BEYOND_OURS) for source in sources]
    for place, source in enumerate(moved):
        os.dup2(source, place, inheritable=place < 3)
    for number in _open_descriptors():
        if number > 3:
            with contextlib.suppress(OSError):
                os.close(number)
    return 3


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return list(range(1024))
