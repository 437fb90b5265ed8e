"""What executor and runner say to each other: a u32 length, little-endian, then JSON."""

from typing import Any

import msgspec

from pumphouse.executor.faults import PlatformFault

FRAME_LIMIT = 16 << 20


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the function.

    absent: inputs that nobody gave, which yield to a default of the function's own.
    outputs: declared names. environment: whole, or None to leave it as it is.
    """

    execution_id: str
    inputs: dict[str, Any]
    absent: list[str]
    outputs: list[str]
    environment: dict[str, str] | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The code that a process is for. With a job it runs that one and ends.

    mark: what follows a NUL in the line that ends the log of each later job.
    """

    folder: str
    file: str
    function: str
    environment: dict[str, str]
    job: Job | None = None
    mark: str = ""


class Ready(msgspec.Struct, frozen=True, tag_field="kind", tag="ready"):
    """The runner itself works; what goes wrong from now on is the user's code."""


class Up(msgspec.Struct, frozen=True, tag_field="kind", tag="up"):
    """The module is imported; jobs may come."""


class Returned(msgspec.Struct, frozen=True, tag_field="kind", tag="returned"):
    outputs: dict[str, Any]


class Failed(msgspec.Struct, frozen=True, tag_field="kind", tag="failed"):
    """The user's code failed; the message is for its author."""

    message: str


class Unfit(msgspec.Struct, frozen=True, tag_field="kind", tag="unfit"):
    """The process could not be made ready; the message is for the platform's log."""

    message: str


CHANNEL_MISUSED = Failed(
    "The code closed the platform's result channel or wrote to it, so its outputs could not be"
    " read. Use only files and sockets that the code itself has opened."
)

Answer = Ready | Up | Returned | Failed | Unfit

_decoder: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()


def encode(message: Start | Job) -> bytes:
    """A whole frame. Raises PlatformFault beyond FRAME_LIMIT."""
    body = _encoder.encode(message)
    if len(body) > FRAME_LIMIT:
        raise PlatformFault(f"A frame of {len(body)} bytes is too large for the runner.")
    return len(body).to_bytes(4, "little") + body


class Garbled(Exception):
    """What came is not what a runner sends."""


class FrameReader:
    """Frames out of a stream of bytes that may be hostile."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that `data` completes. Raises Garbled."""
        self._buffer += data
        answers = []
        while len(self._buffer) >= 4:
            end = 4 + int.from_bytes(self._buffer[:4], "little")
            if end > 4 + FRAME_LIMIT:
                raise Garbled(f"A frame of {end - 4} bytes is beyond the limit.")
            if len(self._buffer) < end:
                break
            try:
                answers.append(_decoder.decode(memoryview(self._buffer)[4:end].tobytes()))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise Garbled(str(error)) from error
            del self._buffer[:end]
        return answers
