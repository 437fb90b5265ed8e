"""What executor and runner say to each other: a u32 length, little-endian, then JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pumphouse.executor.faults import PlatformFault

FRAME_LIMIT = 16 << 20


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the function.

    absent: inputs that nobody gave, which yield to a default of the function's own.
    outputs: declared names; of these, files: those to be opened and handed over, and unused:
    files that nobody takes. environment: whole, or None to leave it as it is.
    """

    execution_id: str
    inputs: dict[str, Any]
    absent: list[str]
    outputs: list[str]
    files: list[str] = []
    unused: list[str] = []
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


class _Returned(msgspec.Struct, frozen=True, tag_field="kind", tag="returned"):
    """files: for each descriptor that comes with this, in order, the output and the file's name."""

    outputs: dict[str, msgspec.Raw]
    files: list[tuple[str, str]] = []


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that the runner has opened; whoever has this must close it. name: in its folder."""

    output: str
    name: str
    descriptor: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The JSON of each output, null for those in `files`."""

    outputs: dict[str, msgspec.Raw]
    files: tuple[OpenFile, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag_field="kind", tag="failed"):
    """The user's code failed; the message is for its author."""

    message: str


class Unfit(msgspec.Struct, frozen=True, tag_field="kind", tag="unfit"):
    """The platform could not make the process ready, or not take its answer; for its own log."""

    message: str


CHANNEL_MISUSED = Failed(
    "The code closed the platform's result channel or wrote to it, so its outputs could not be"
    " read. Use only files and sockets that the code itself has opened."
)

Answer = Ready | Up | Returned | Failed | Unfit

_decoder: msgspec.json.Decoder[Ready | Up | _Returned | Failed | Unfit] = msgspec.json.Decoder(
    Ready | Up | _Returned | Failed | Unfit
)
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
    """Frames out of a stream of bytes and descriptors that may be hostile.

    held: descriptors that have come and are in no answer yet, for whoever has this to close.
    """

    def __init__(self) -> None:
        self.held: list[int] = []
        self._buffer = bytearray()
        self._due = 0

    def expect(self, descriptors: int) -> None:
        """Take at most so many from now on."""
        self._due = descriptors

    def feed(self, data: bytes, descriptors: Sequence[int] = ()) -> Iterator[Answer]:
        """The answers that `data` completes. Raises Garbled, maybe after the first of them."""
        self._buffer += data
        self.held += descriptors
        self._due -= len(descriptors)
        if self._due < 0:
            raise Garbled("Descriptors came that nobody asked for.")
        while len(self._buffer) >= 4:
            end = 4 + int.from_bytes(self._buffer[:4], "little")
            if end > 4 + FRAME_LIMIT:
                raise Garbled(f"A frame of {end - 4} bytes is beyond the limit.")
            if len(self._buffer) < end:
                break
            body = memoryview(self._buffer)[4:end].tobytes()
            del self._buffer[:end]
            yield self._answer(body)

    def _answer(self, body: bytes) -> Answer:
        try:
            answer = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Garbled(str(error)) from error
        if not isinstance(answer, _Returned):
            return answer
        if len(answer.files) != len(self.held):
            raise Garbled(f"{len(self.held)} descriptors came for {len(answer.files)} files.")
        named = zip(answer.files, self.held, strict=True)
        files = tuple(OpenFile(output, name, held) for (output, name), held in named)
        self.held = []
        return Returned(answer.outputs, files)
