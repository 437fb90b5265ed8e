"""Frames between this process and the executor: a little-endian u32 length, then JSON."""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNEL_BROKEN = 71
"""Exit status of a child that cannot reach the executor any more."""

_LENGTH = struct.Struct("<I")
_MOST_DESCRIPTORS = 250
_READ_SIZE = 1 << 16


class Channel:
    """Of a child: its jobs and their answers."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._owner = os.getpid()

    def receive(self) -> Any:
        """The next frame; the process ends when the executor is gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return json.loads(self._exactly(length))

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, kind: str, **fields: Any) -> None:
        self.send_encoded(json.dumps({"kind": kind, **fields}).encode())

    def leave_if_forked(self) -> None:
        """End a copy of this process that fell out of the user's function."""
        if os.getpid() != self._owner:
            os._exit(0)

    def send_encoded(self, body: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a frame, and with its first bytes the descriptors, which are then closed here."""
        self.leave_if_forked()
        frame = memoryview(_LENGTH.pack(len(body)) + body)
        try:
            for start in range(0, len(descriptors), _MOST_DESCRIPTORS):
                some = descriptors[start : start + _MOST_DESCRIPTORS]
                rights = struct.pack(f"{len(some)}i", *some)
                self._socket.sendmsg([frame[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                frame = frame[1:]
            self._socket.sendall(frame)
            for descriptor in descriptors:
                os.close(descriptor)
        except OSError:
            os._exit(CHANNEL_BROKEN)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(size - len(parts))
            except OSError:
                os._exit(CHANNEL_BROKEN)
            if not part:
                os._exit(0)
            parts += part
        return bytes(parts)


class Orders:
    """Of a zygote: what the executor wants of it, with the descriptors for each new child."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._held = bytearray()
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bool:
        """Take what has come, or wait for something; False when the executor is gone."""
        numbers = array.array("i")
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                _READ_SIZE, socket.CMSG_SPACE(_MOST_DESCRIPTORS * numbers.itemsize)
            )
        except OSError:
            return False
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        self._descriptors += numbers
        self._held += data
        return bool(data)

    def next(self) -> dict[str, Any] | None:
        """The next whole order; None when it has not come yet."""
        if len(self._held) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._held)[0]
        if len(self._held) < end:
            return None
        order: dict[str, Any] = json.loads(bytes(self._held[_LENGTH.size : end]))
        del self._held[:end]
        return order

    def descriptors(self, count: int) -> list[int]:
        """Those that came with an order."""
        taken = self._descriptors[:count]
        del self._descriptors[:count]
        return taken

    def answer(self, kind: str, **fields: Any) -> None:
        body = json.dumps({"kind": kind, **fields}).encode()
        try:
            self._socket.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            os._exit(CHANNEL_BROKEN)
