"""Reading JSON that strangers wrote."""

import pytest

from pumphouse.errors import Invalid
from pumphouse.gateway.documents import MAX_DEPTH, read_json, read_object


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "1e999",
        "1" * 5000,
        '"\\ud800"',
        "NaN",
        "[Infinity]",
        nested(MAX_DEPTH + 2),
        nested(100_000),
        '{"a":' * 2000 + "1" + "}" * 2000,
    ],
    ids=range(11),
)
def test_what_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"^The text "):
        read_json(text, "The text")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("NaN", "contains NaN, which"),
        ('{"value": NaN}', "contains NaN at ['value'], which"),
        ('{"a": [1, -Infinity], "b": [NaN]}', "contains -Infinity at ['a'][1], which"),
        ('{"a": "NaN", "b": Infinity}', "contains Infinity at ['b'], which"),
        ('{"%s": NaN}' % ("k" * 100_000), f"contains NaN at ['{'k' * 194}, which"),
    ],
    ids=range(5),
)
def test_the_constant_that_is_not_json_is_named_with_its_place(text: str, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_json(text, "The text")
    assert named in refused.value.message


@pytest.mark.parametrize("text", [nested(MAX_DEPTH), "[" + "[]," * 1000 + "[]]", "9" * 300, "null"])
def test_what_is_unusual_is_read(text: str) -> None:
    read_json(text, "The text")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"'])
def test_only_an_object_is_an_object(text: str) -> None:
    with pytest.raises(Invalid, match="object"):
        read_object(text, "The text")
