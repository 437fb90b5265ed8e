"""Noticing that a process has ended, before it is reaped."""

import asyncio
import os
import threading
from collections.abc import Callable


def watch_exit(pid: int, ended: Callable[[], None]) -> None:
    """Call `ended` on the running loop once our child has ended; reaping it is left to that."""
    loop = asyncio.get_running_loop()
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(pid)

        def notice() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            ended()

        loop.add_reader(descriptor, notice)
        return

    def wait() -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        loop.call_soon_threadsafe(ended)

    threading.Thread(target=wait, daemon=True).start()
