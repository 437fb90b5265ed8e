"""Runs a command, and ends it with all that it started.

Started as `python -I -S supervisor.py NICENESS LIFELINE[,PASSED...] COMMAND...`. The lifeline is a
descriptor that closes when the executor wants the command's end, or is gone; those that are passed
are the command's. Exits as the command does.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_CHILD_SUBREAPER = 36


def main(niceness: int, lifeline: int, passed: list[int], command: list[str]) -> int:
    os.set_inheritable(lifeline, False)
    os.nice(niceness)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(  # noqa: S603 - the executor's own
        command, start_new_session=True, pass_fds=passed
    )
    for descriptor in passed:
        os.close(descriptor)

    def wait_for_the_end_of_the_line() -> None:
        os.read(lifeline, 1)
        _kill_group(child.pid)

    threading.Thread(target=wait_for_the_end_of_the_line, daemon=True).start()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _kill_group(child.pid)
    status = child.wait()
    _end_orphans()
    return status if status >= 0 else 128 - status


def _kill_group(pid: int) -> None:
    # Only before it is reaped: until then no stranger can have got its number.
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _end_orphans() -> None:
    """Kill what left the group: all that is without a parent has fallen to this process."""
    while children := _children():
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """Of the main thread, which started the command and to which orphans fall."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


if __name__ == "__main__":
    _lifeline, *_passed = map(int, sys.argv[2].split(","))
    sys.exit(main(int(sys.argv[1]), _lifeline, _passed, sys.argv[3:]))
