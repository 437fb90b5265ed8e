"""Open files that come over a socket."""

import array
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")
_MOST_AT_ONCE = 253
"""Descriptors that one message can carry; the kernel's own limit."""


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes with the descriptors beside them.

    is_whole: whether those are all that were sent. They are not when this process may not have more
    files open. sender: number on this host of the process that sent them, once `name_senders` is
    called and where the system can tell.
    """

    data: bytes
    descriptors: list[int]
    is_whole: bool
    sender: int | None = None


def name_senders(end: socket.socket, wanted: bool) -> None:
    """Have the kernel say who sends, whatever namespace that is in."""
    if hasattr(socket, "SO_PASSCRED"):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, wanted)


def received(end: socket.socket, size: int) -> Received:
    """What has come. Raises OSError."""
    numbers = array.array("i")
    data, ancillary, flags, _ = end.recvmsg(
        size,
        socket.CMSG_SPACE(_MOST_AT_ONCE * numbers.itemsize) + socket.CMSG_SPACE(_CREDENTIALS.size),
        getattr(socket, "MSG_CMSG_CLOEXEC", 0),
    )
    sender = None
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        elif (level, kind) == (socket.SOL_SOCKET, getattr(socket, "SCM_CREDENTIALS", None)):
            sender = _CREDENTIALS.unpack(content)[0] or None
    return Received(data, list(numbers), not flags & socket.MSG_CTRUNC, sender)


def close_aside(descriptors: Sequence[int]) -> None:
    """Close what user code has sent: some kinds take as long to close as that code likes."""

    def close() -> None:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    if descriptors:
        threading.Thread(target=close, daemon=True).start()
