"""What callers of an endpoint read of an execution that has succeeded."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class PlainResult(msgspec.Struct, frozen=True):
    """The outputs by name, twice; a file is an object with its `url`, which needs the token."""

    output: dict[str, Any]
    outputs: dict[str, Any]
    execution_id: str


class Located(msgspec.Struct, frozen=True):
    """Where a file is, without the token that opens it; null when there is none."""

    url: str | None


class WrappedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A value, or where a file is."""

    value: Any = UNSET
    url: str | UnsetType | None = UNSET


class WrappedResult(msgspec.Struct, frozen=True):
    """The outputs by name."""

    outputs: dict[str, WrappedOutput]
    execution_id: str
