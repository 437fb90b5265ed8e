"""Reading JSON that strangers wrote."""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from pumphouse.errors import Invalid

MAX_DEPTH = 250
"""Lists and objects inside one another: more than values may have, so that theirs are named."""

T = TypeVar("T")


def read_json(text: bytes | str, what: str) -> Any:
    """The value that `text` is the JSON of. Raises Invalid about `what` ("The body", a field)."""
    try:
        value = msgspec.json.decode(text)
    except UnicodeError as error:
        raise Invalid(f"{what} is not UTF-8.") from error
    except RecursionError as error:
        raise Invalid(f"{what} has more than {MAX_DEPTH} levels of nesting.") from error
    except msgspec.DecodeError as error:
        _refuse_constants(text, what)
        raise Invalid(f"{what} is not JSON: {error}.") from error
    if _may_be_deep(text) and _is_deep(value):
        raise Invalid(f"{what} has more than {MAX_DEPTH} levels of nesting.")
    return value


def read_object(text: bytes | str, what: str) -> dict[str, Any]:
    """As read_json, for an object and nothing else."""
    value = read_json(text, what)
    if not isinstance(value, dict):
        raise Invalid(f"{what} must be a JSON object.")
    return value


def read_as(kind: type[T], text: bytes | str, what: str) -> T:
    """As read_json, for a value of `kind`; members that it does not know are ignored."""
    try:
        return msgspec.convert(read_json(text, what), kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"{what} cannot be used: {error}.") from error


def _refuse_constants(text: bytes | str, what: str) -> None:
    def refuse(constant: str) -> NoReturn:
        raise Invalid(f"{what} contains {constant}, which is not JSON: give a number or null.")

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return


def _may_be_deep(text: bytes | str) -> bool:
    raw = text.encode() if isinstance(text, str) else text
    return raw.count(b"[") + raw.count(b"{") > MAX_DEPTH


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True
