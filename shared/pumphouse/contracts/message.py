"""The base of everything that crosses the bus."""

from typing import Generic, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact or a wish, tagged `noun.past-participle.vN`.

    The tag is the routing key, the name in logs and the name of the golden file. New fields carry
    a default; a new meaning is a new tag. Unknown fields are ignored, so that producers may be
    newer than consumers. Message id, correlation id and reply address are envelope, not fields.
    """


R_co = TypeVar("R_co", bound=Message, covariant=True)


class Request(Message, Generic[R_co], frozen=True, kw_only=True):
    """A message that one service answers with an R_co, or with RequestRefused."""


class RequestRefused(Message, frozen=True, kw_only=True, tag="request.refused.v1"):
    """The answer to a request that cannot be met: a PumphouseError on its way through the bus."""

    code: str
    message: str
    details: object = None


def tag_of(kind: type[Message]) -> str:
    """The tag of a concrete message class, `noun.past-participle.vN`."""
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{kind.__name__} has no tag: it is a base class, not a message.")
    return tag
