"""Which values belong to which data type."""

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid

MAX_DEPTH = 200
"""Lists and objects inside one another; JSON readers give up not far above."""

MAX_DIGITS = 4300
"""Of an integer: Python itself reads and writes no longer ones in decimal."""

_MAX_INTEGER = 10**MAX_DIGITS
_SHOWN_CHARACTERS = 40

_TYPES: dict[DataType, tuple[type, ...]] = {
    DataType.STRING: (str,),
    DataType.NUMBER: (int, float),
    DataType.BOOLEAN: (bool,),
    DataType.JSON: (dict, list, str, int, float, bool),
    DataType.ARRAY: (list,),
    DataType.FILE: (),
}

_EXPECTED = {
    DataType.STRING: "a string",
    DataType.NUMBER: "a number",
    DataType.BOOLEAN: "a boolean",
    DataType.JSON: "a JSON value",
    DataType.ARRAY: "an array",
    DataType.FILE: "a file",
}

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def check(data_type: DataType, value: Any) -> None:
    """Return when `value` belongs to `data_type`; None belongs to every one, and alone to a file.

    Raises Invalid with what is expected and what was found, to follow the name of an input.
    """
    if value is None:
        return
    is_misplaced_boolean = isinstance(value, bool) and data_type is DataType.NUMBER
    if is_misplaced_boolean or not isinstance(value, _TYPES[data_type]):
        raise Invalid(f"{_EXPECTED[data_type]} is expected, {_described(value)}")
    for part in _parts(value):
        _check_part(part)


def parse_text(data_type: DataType, text: str) -> Any:
    """The value that the text of an environment variable stands for.

    Raises Invalid without quoting the text, which may be a secret; no text stands for a file.
    """
    match data_type:
        case DataType.STRING:
            value: Any = text
        case DataType.NUMBER:
            value = _parse_number(text.strip())
        case DataType.BOOLEAN:
            value = _parse_boolean(text.strip())
        case DataType.FILE:
            raise Invalid("it is a file, and text cannot be one")
        case _:
            value = _parse_json(text)
    try:
        check(data_type, value)
    except Invalid as error:
        raise Invalid(f"its text is not {_EXPECTED[data_type]}") from error
    return value


def _parts(value: Any) -> Iterator[Any]:
    """The value and all that is inside it, object keys included. Raises Invalid if too deep."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part
        if isinstance(part, dict | list):
            if depth == MAX_DEPTH:
                raise Invalid(f"more than {MAX_DEPTH} levels of nesting cannot be used")
            inner = [*part, *part.values()] if isinstance(part, dict) else part
            waiting.extend((child, depth + 1) for child in inner)
            if isinstance(part, dict) and not all(isinstance(key, str) for key in part):
                raise Invalid("the keys of a JSON object must be strings")


def _check_part(part: Any) -> None:
    match part:
        case None | bool() | dict() | list():
            pass
        case float() if not math.isfinite(part):
            name = "NaN" if math.isnan(part) else "Infinity" if part > 0 else "-Infinity"
            raise Invalid(f"{name} cannot be used: JSON has no such number")
        case int() if abs(part) >= _MAX_INTEGER:
            raise Invalid(f"an integer of more than {MAX_DIGITS} digits cannot be used")
        case str() if not _is_encodable(part):
            raise Invalid("text with half a surrogate pair cannot be used: it is not Unicode")
        case int() | float() | str():
            pass
        case _:
            raise Invalid(f"JSON cannot hold a Python {type(part).__name__}")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _described(value: Any) -> str:
    match value:
        case bool():
            return f"a boolean was given: {str(value).lower()}"
        case int() if abs(value) >= _MAX_INTEGER:
            return f"an integer of more than {MAX_DIGITS} digits was given"
        case int() | float():
            return f"a number was given: {_shortened(repr(value))}"
        case str():
            return f"a string was given: {_quoted(value)}"
        case list():
            return f"an array of {len(value)} was given"
        case dict():
            return f"an object of {len(value)} was given"
        case _:
            return f"a Python {type(value).__name__} was given"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _quoted(text: str) -> str:
    """In quotes, with what cannot be printed escaped."""
    return repr(_shortened(text))


def _parse_number(text: str) -> int | float:
    if _INTEGER.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if _DECIMAL.fullmatch(text) and not _INTEGER.fullmatch(text):
        return float(text)
    raise Invalid("its text is not a number")


def _parse_boolean(text: str) -> bool:
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise Invalid("its text is not a boolean: write true or false")
    return value


def _parse_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Invalid("its text is not JSON") from error
