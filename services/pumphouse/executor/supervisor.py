"""Runs a command at low priority, and ends it with all that it started.

Started as `python -I -S supervisor.py LIFELINE COMMAND...`: a descriptor that closes when the
executor wants the command's end, or is gone. Exits as the command does.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_CHILD_SUBREAPER = 36
_LOWER_BY = 10


def main(lifeline: int, command: list[str]) -> int:
    os.set_inheritable(lifeline, False)
    os.nice(_LOWER_BY)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - the executor's own

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
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
