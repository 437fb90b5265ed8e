"""Reading JSON that strangers wrote."""

import json
from typing import Any, TypeVar

import msgspec

from pumphouse.errors import Invalid

MAX_DEPTH = 250
"""Lists and objects inside one another: more than values may have, so that theirs are named."""

_SHOWN = 200
"""Characters of a place in a document."""

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


class _Constant(str):
    """What Python writes for a number that JSON does not have."""


def _refuse_constants(text: bytes | str, what: str) -> None:
    try:
        value = json.loads(text, parse_constant=_Constant)
    except (ValueError, RecursionError):
        return
    if found := _first_constant(value):
        constant, place = found
        raise Invalid(
            f"{what} contains {constant}{place}, which is not JSON: give a number or null."
        )


def _first_constant(value: Any) -> tuple[_Constant, str] | None:
    """The constant, and where in the value it is, as in " at ['means'][2]"."""
    left: list[tuple[Any, tuple[Any, ...]]] = [(value, ())]
    while left:
        found, keys = left.pop()
        if isinstance(found, _Constant):
            return found, _place(keys)
        if isinstance(found, dict | list):
            members = found.items() if isinstance(found, dict) else enumerate(found)
            left += [(child, (keys, key)) for key, child in reversed(list(members))]
    return None


def _place(keys: tuple[Any, ...]) -> str:
    """keys: of all that is around the key, and the key."""
    shown: list[str] = []
    while keys:
        keys, key = keys
        shown.append(f"[{key[:_SHOWN]!r}]" if isinstance(key, str) else f"[{key}]")
    return f" at {''.join(reversed(shown))}"[:_SHOWN] if shown else ""


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
