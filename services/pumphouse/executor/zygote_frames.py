"""What executor and zygote say to each other: frames as in `frames`, with descriptors in orders."""

import msgspec

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.walls import Walls


class Load(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="load"):
    """The first order. modules: to import before all else, where they can be imported.

    environment: variables that libraries find while they are imported.
    """

    modules: list[str]
    environment: dict[str, str]


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="fork"):
    """Start a child; with the order come its end of a socket, its standard output and error.

    number: names it from now on. modules: for the child itself to import ahead of its work, with
    these variables in its environment.
    """

    number: int
    walls: Walls
    modules: list[str] = []
    environment: dict[str, str] = {}


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="kill"):
    """End a child and all that it started."""

    number: int


class Loaded(msgspec.Struct, frozen=True, tag_field="kind", tag="loaded"):
    """hindrance: why it cannot fork without harm; empty when it can.

    read: names of environment variables that libraries have looked up.
    """

    hindrance: str = ""
    read: list[str] = []


class Unforked(msgspec.Struct, frozen=True, tag_field="kind", tag="unforked"):
    """The system has no room for another process."""

    number: int
    message: str


class Exited(msgspec.Struct, frozen=True, tag_field="kind", tag="exited"):
    """status: negative for a signal."""

    number: int
    status: int


Order = Load | Fork | Kill
Notice = Loaded | Unforked | Exited

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)

_LARGEST = 1 << 20


def encode_order(order: Order) -> bytes:
    body = _encoder.encode(order)
    return len(body).to_bytes(4, "little") + body


class NoticeReader:
    """Notices out of a stream of bytes."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Notice]:
        """Those that `data` completes. Raises PlatformFault for what no zygote says."""
        self._held += data
        found = []
        while len(self._held) >= 4:
            end = 4 + int.from_bytes(self._held[:4], "little")
            if end > _LARGEST:
                raise PlatformFault(f"A zygote sent a frame of {end} bytes.")
            if len(self._held) < end:
                break
            try:
                found.append(_decoder.decode(memoryview(self._held)[4:end].tobytes()))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise PlatformFault(f"A zygote sent what it never says: {error}") from error
            del self._held[:end]
        return found
