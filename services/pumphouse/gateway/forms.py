"""Forms whose field names spell nested objects and lists: `inputs[0][data_type]`.

All that reaches us is text: an empty list or object leaves no field behind, and a number cannot be
told from text that looks like one.
"""

import ast
import math
import re
from collections.abc import Iterable
from typing import Any

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid

MAX_DEPTH = 100
MAX_LITERAL_CHARACTERS = 10_000

Node = str | list[str] | dict[str, Any]
"""A text, the texts of a repeated field, or what is below a name."""

_FIELD = re.compile(r"(?P<top>[^\[\]]+)(?P<rest>(\[[^\[\]]*\])*)")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_BOOLEANS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


def read_tree(fields: Iterable[tuple[str, str]]) -> dict[str, Node]:
    """The objects that the names of the fields spell, lists as objects with keys 0, 1, …

    Raises Invalid for a name that spells nothing, and for one that is both text and object.
    """
    tree: dict[str, Node] = {}
    for name, text in fields:
        *parents, last = _segments(name)
        level = tree
        for parent in parents:
            below = level.setdefault(parent, {})
            if not isinstance(below, dict):
                raise Invalid(f"The form field {name[:200]!r} is inside one that holds text.")
            level = below
        match level.get(last):
            case None:
                level[last] = text
            case dict():
                raise Invalid(f"The form field {name[:200]!r} holds both text and other fields.")
            case str(earlier):
                level[last] = [earlier, text]
            case list(earlier_ones):
                earlier_ones.append(text)
    return tree


def as_list(node: Node | None, what: str) -> list[Node]:
    """What is below a name whose keys are 0, 1, … in any order; an absent one is empty."""
    if node is None or node == "":
        return []
    if not isinstance(node, dict) or not _is_counted(node):
        raise Invalid(f"{what} must be a list: {what}[0], {what}[1], …")
    return [node[str(index)] for index in range(len(node))]


def as_object(node: Node | None, what: str) -> dict[str, Node]:
    """What is below a name; an absent one is empty."""
    if node is None or node == "":
        return {}
    if not isinstance(node, dict):
        raise Invalid(f"{what} must have fields of its own: {what}[…].")
    return node


def as_text(node: Node | None, what: str) -> str | None:
    """The text of a field that may be absent."""
    if node is None or isinstance(node, str):
        return node
    raise Invalid(f"{what} must be one text.")


def as_boolean(node: Node | None, what: str) -> bool | None:
    """`True`, `true` and `1`, or `False`, `false` and `0`; absent and empty are None."""
    text = as_text(node, what)
    if not text:
        return None
    if text not in _BOOLEANS:
        raise Invalid(f"{what} must be true or false, not {text[:80]!r}.")
    return _BOOLEANS[text]


def as_value(node: Node, data_type: DataType, what: str) -> Any:
    """The value of that type which the text stands for, as far as text can tell.

    Text that is no such value is returned as it is, for the check of types to name.
    """
    match data_type:
        case DataType.STRING | DataType.FILE:
            return as_text(node, what)
        case DataType.BOOLEAN:
            text = as_text(node, what)
            return _BOOLEANS.get(text or "", text)
        case DataType.NUMBER:
            text = as_text(node, what) or ""
            number = _number(text)
            return text if number is None else number
        case DataType.JSON | DataType.ARRAY:
            return _json_value(node)


def _segments(name: str) -> list[str]:
    match = _FIELD.fullmatch(name)
    if match is None:
        raise Invalid(f"The form field name {name[:200]!r} is not of the form name[key][key].")
    segments = [match["top"], *_SEGMENT.findall(match["rest"])]
    if len(segments) > MAX_DEPTH:
        raise Invalid(f"The form field {name[:200]!r} has more than {MAX_DEPTH} keys.")
    return segments


def _is_counted(node: dict[str, Any]) -> bool:
    return node.keys() == {str(index) for index in range(len(node))}


def _json_value(node: Node) -> Any:
    match node:
        case str(text):
            return _leaf(text)
        case list(texts):
            return [_leaf(text) for text in texts]
        case _ if _is_counted(node):
            return [_json_value(node[str(index)]) for index in range(len(node))]
        case _:
            return {key: _json_value(child) for key, child in node.items()}


def _leaf(text: str) -> Any:
    if text == "":
        return None
    if text in ("True", "False"):
        return text == "True"
    number = _number(text)
    if number is not None and str(number) == text:
        return number
    if text[0] in "[{" and len(text) <= MAX_LITERAL_CHARACTERS:
        return _literal(text)
    return text


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _literal(text: str) -> Any:
    """A list or object that was written the way Python shows it; anything else stays text."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if _is_json(value) else text


def _is_json(value: Any) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list():
            return all(_is_json(item) for item in value)
        case dict():
            return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
        case _:
            return False
