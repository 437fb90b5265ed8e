"""One owner at a time for a folder, however that owner ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pumphouse.errors import Conflict


@contextmanager
def sole_owner(lock: Path, *, in_use: str, patience_s: float = 0) -> Iterator[int]:
    """Hold the lock file `lock`, and give its descriptor.

    Processes that inherit the descriptor hold the lock too. Raises Conflict with the text
    `in_use` when another still holds it after `patience_s` seconds.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise Conflict(in_use)
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
