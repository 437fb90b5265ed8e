"""Messages to JSON and back."""

import operator
from functools import reduce
from typing import Any

import msgspec

from pumphouse.contracts import (
    builds,
    catalog,
    definitions,
    executions,
    message,
    metrics,
    pods,
    records,
)
from pumphouse.contracts.message import Message, tag_of
from pumphouse.errors import Invalid


def _concrete(kind: type[Message]) -> list[type[Message]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _concrete(child)]
    return below or [kind]


_MODULES = {
    m.__name__ for m in (builds, catalog, definitions, executions, message, metrics, pods, records)
}

MESSAGES: dict[str, type[Message]] = {
    tag_of(kind): kind for kind in _concrete(Message) if kind.__module__ in _MODULES
}
"""Every message there is, by tag."""

_ANY: Any = reduce(operator.or_, MESSAGES.values())
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(_ANY)
_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """JSON, UTF-8."""
    return _encoder.encode(message)


def decode(body: bytes) -> Message:
    """The message in `body`. Raises Invalid that says what is wrong with it."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"Not a message of this platform: {error}") from error
