"""Open files that come over a socket."""

import array
import contextlib
import os
import socket
import threading
from collections.abc import Sequence

_MOST_AT_ONCE = 253
"""Descriptors that one message can carry; the kernel's own limit."""


def received(end: socket.socket, size: int) -> tuple[bytes, list[int], bool]:
    """Bytes, the descriptors beside them, and whether those are all that were sent.

    They are not when this process may not have more files open.
    """
    numbers = array.array("i")
    data, ancillary, flags, _ = end.recvmsg(
        size,
        socket.CMSG_SPACE(_MOST_AT_ONCE * numbers.itemsize),
        getattr(socket, "MSG_CMSG_CLOEXEC", 0),
    )
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    return data, list(numbers), not flags & socket.MSG_CTRUNC


def close_aside(descriptors: Sequence[int]) -> None:
    """Close what user code has sent: some kinds take as long to close as that code likes."""

    def close() -> None:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    if descriptors:
        threading.Thread(target=close, daemon=True).start()
