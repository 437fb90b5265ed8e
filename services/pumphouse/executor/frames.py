"""What executor and runner say to each other: a u32 length, little-endian, then JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from pumphouse.executor.faults import PlatformFault

FRAME_LIMIT = 16 << 20


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="job"):
    """One call of the function.

    number: of its answer; 0 where no other job can be under way.
    absent: inputs that nobody gave, which yield to a default of the function's own.
    outputs: declared names; of these, files: those to be opened and handed over, and unused:
    files that nobody takes. environment: whole, or None to leave it as it is.
    """

    number: int = 0
    execution_id: str
    inputs: dict[str, Any]
    absent: list[str]
    outputs: list[str]
    files: list[str] = []
    unused: list[str] = []
    environment: dict[str, str] | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="cancel"):
    """A job shall end early, where its function is a coroutine; it is answered all the same."""

    number: int


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The code that a process is for. With a job it runs that one and ends.

    mark: what follows a NUL in the line that ends what is written so far: before `up`, and after
    each later job. is_parallel: later jobs come side by side, and what they write is in frames.
    reports_imports: whether it is to tell, after its one job, what that has imported. data_bytes:
    what the process limits its data to; None for no limit.
    """

    folder: str
    file: str
    function: str
    environment: dict[str, str]
    job: Job | None = None
    mark: str = ""
    is_parallel: bool = False
    reports_imports: bool = False
    data_bytes: int | None = None


class Ready(msgspec.Struct, frozen=True, tag_field="kind", tag="ready"):
    """The runner itself works; what goes wrong from now on is the user's code.

    missing: walls that do not stand, each with the reason.
    """

    missing: dict[str, str] = {}


class Imported(msgspec.Struct, frozen=True, tag_field="kind", tag="imported"):
    """Libraries that the one job of a process has imported."""

    modules: list[str]


class Up(msgspec.Struct, frozen=True, tag_field="kind", tag="up"):
    """The module is imported; jobs may come. is_async: they can be cancelled."""

    is_async: bool = False


class _Returned(msgspec.Struct, frozen=True, tag_field="kind", tag="returned"):
    """files: for each descriptor that comes with this, in order, the output and the file's name."""

    outputs: dict[str, msgspec.Raw]
    files: list[tuple[str, str]] = []
    number: int = 0


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
    number: int = 0


class Failed(msgspec.Struct, frozen=True, tag_field="kind", tag="failed"):
    """The user's code failed; the message is for its author."""

    message: str
    number: int = 0


class Wrote(msgspec.Struct, frozen=True, tag_field="kind", tag="wrote"):
    """What one of several jobs has written: whole lines, but for very long ones and the last."""

    number: int
    stream: Literal["stdout", "stderr"]
    text: str


class Unfit(msgspec.Struct, frozen=True, tag_field="kind", tag="unfit"):
    """The platform could not make the process ready, or not take its answer; for its own log."""

    message: str


CHANNEL_MISUSED = Failed(
    "The code closed the platform's result channel or wrote to it, so its outputs could not be"
    " read. Use only files and sockets that the code itself has opened."
)

Answer = Ready | Up | Returned | Failed | Unfit | Wrote | Imported

_Frame = Ready | Up | _Returned | Failed | Unfit | Wrote | Imported
_decoder: msgspec.json.Decoder[_Frame] = msgspec.json.Decoder(_Frame)
_encoder = msgspec.json.Encoder()


def encode(message: Start | Job | Cancel) -> bytes:
    """A whole frame. Raises PlatformFault beyond FRAME_LIMIT."""
    body = _encoder.encode(message)
    if len(body) > FRAME_LIMIT:
        raise PlatformFault(f"A frame of {len(body)} bytes is too large for the runner.")
    return len(body).to_bytes(4, "little") + body


class Garbled(Exception):
    """What came is not what a runner sends."""


class FrameReader:
    """Frames out of a stream of bytes and descriptors that may be hostile.

    held: descriptors that have come and are in no answer yet, in order, for whoever has this to
    close. They come no later than the first byte of their answer, and maybe with an earlier one.
    """

    def __init__(self) -> None:
        self.held: list[int] = []
        self._buffer = bytearray()
        self._due = 0

    def expect(self, descriptors: int) -> None:
        """Take so many more than till now; fewer, when it is negative."""
        self._due += descriptors

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
        count = len(answer.files)
        if count > len(self.held):
            raise Garbled(f"{len(self.held)} descriptors came for {count} files.")
        named = zip(answer.files, self.held[:count], strict=True)
        files = tuple(OpenFile(output, name, held) for (output, name), held in named)
        del self.held[:count]
        return Returned(answer.outputs, files, answer.number)
