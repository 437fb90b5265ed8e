"""Ties a child process to this one, so that it does not outlive a kill -9 of us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(last_signal: signal.Signals) -> Callable[[], None] | None:
    """For Popen's preexec_fn: the kernel sends `last_signal` to the child when we are gone.

    The signal comes when the thread that started the child ends: start it from the main thread.
    None where the system has no such thing; `watch` then does the same from a process of its own.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def set_up() -> None:
        prctl(_PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), last_signal)

    return set_up


def watch(pid: int, last_signal: signal.Signals) -> subprocess.Popen[bytes]:
    """Start a process that sends `last_signal` to `pid` as soon as we are gone.

    It sees that by its standard input, a pipe which nobody but us holds open. It ends unheard
    when it is killed, which is how the caller calls it off.
    """
    return subprocess.Popen(  # noqa: S603 (our own program)
        [
            sys.executable,
            "-I",
            str(Path(__file__).with_name("watchdog.py")),
            str(pid),
            str(int(last_signal)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
