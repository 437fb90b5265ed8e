"""From a fork to a place for user code: its own session, streams, folder, walls; then its jobs."""

from __future__ import annotations

import contextvars
import importlib.machinery
import os
import signal
import sys
import types
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner import kernel, preloading, processes, walls
from pumphouse.executor.runner.channel import Channel
from pumphouse.executor.runner.failures import set_limits
from pumphouse.executor.runner.jobs import Runner, current_execution_id, set_bare_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHANNEL = 3

_set_handler = getattr(signal.signal, "__wrapped__", signal.signal)
"""Without making enumerations of what it returns, for which a child would copy much memory."""


def prepare() -> None:
    """In the zygote: what every child needs."""
    provide_execution_context(current_execution_id)


def settle_signals() -> None:
    """In the zygote, once it has loaded libraries: signals are as in a new process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run(
    order: dict[str, Any],
    descriptors: Sequence[int],
    parent: int,
    bare_environment: dict[str, str],
    preloaded: preloading.Preloaded,
) -> None:
    """Be the child of an order; does not return but by an error."""
    os.setsid()
    processes.tie_to(parent)
    processes.adopt_orphans()
    channel = Channel(_take(descriptors))
    _set_handler(signal.SIGCHLD, signal.SIG_DFL)
    set_bare_environment(bare_environment)
    missing = walls.raise_walls(order["walls"])
    set_limits(order["walls"])
    preloading.import_quietly(order["modules"], order["environment"])
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


def _take(descriptors: Sequence[int]) -> int:
    """Keep the socket and the two streams, and close all else; the number of the socket.

    The descriptors are above those of the zygote's own streams, so that none hides another. Its
    standard input stays, which is empty.
    """
    signal.set_wakeup_fd(-1)
    channel, output, errors = descriptors
    os.dup2(output, 1)
    os.dup2(errors, 2)
    if channel != _CHANNEL:
        os.dup2(channel, _CHANNEL, inheritable=False)
    kernel.close_from(_CHANNEL + 1)
    return _CHANNEL
