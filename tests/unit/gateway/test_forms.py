"""Forms whose field names spell objects and lists."""

from typing import Any

import pytest

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid
from pumphouse.gateway.forms import as_boolean, as_list, as_object, as_text, as_value, read_tree


def tree_of(**fields: str) -> dict[str, Any]:
    return read_tree(fields.items())


def test_names_spell_a_tree() -> None:
    fields = [
        ("name", "x"),
        ("inputs[1][name]", "b"),
        ("inputs[0][name]", "a"),
        ("config[folders][0]", "/"),
        ("config[]", "empty key"),
    ]

    assert read_tree(fields) == {
        "name": "x",
        "inputs": {"1": {"name": "b"}, "0": {"name": "a"}},
        "config": {"folders": {"0": "/"}, "": "empty key"},
    }


@pytest.mark.parametrize(
    "name", ["", "[a]", "a[", "a]", "a[b", "a[b]c", "a[[b]]", "a[b][", "a" + "[b]" * 100]
)
def test_a_name_that_spells_nothing_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        read_tree([(name, "x")])


@pytest.mark.parametrize("names", [("a", "a[b]"), ("a[b]", "a"), ("a[b]", "a[b][c]")])
def test_a_name_cannot_be_both_text_and_object(names: tuple[str, str]) -> None:
    with pytest.raises(Invalid):
        read_tree([(name, "x") for name in names])


def test_lists_are_counted_from_zero_without_gaps() -> None:
    assert as_list({"1": "b", "0": "a"}, "x") == ["a", "b"]
    assert as_list(None, "x") == as_list("", "x") == []
    unusable: list[Any] = [{"1": "b"}, {"0": "a", "2": "c"}, {"00": "a"}, {"a": "b"}, "text", ["t"]]
    for node in unusable:
        with pytest.raises(Invalid, match="must be a list"):
            as_list(node, "x")


def test_a_repeated_field_is_neither_text_nor_object() -> None:
    tree = read_tree([("a", "1"), ("a", "2"), ("a", "3")])

    assert tree == {"a": ["1", "2", "3"]}
    with pytest.raises(Invalid, match="one text"):
        as_text(tree["a"], "a")
    with pytest.raises(Invalid, match="fields of its own"):
        as_object(tree["a"], "a")


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("true", True), ("1", True), ("False", False), ("0", False), ("", None)],
)
def test_booleans_are_read_as_the_client_writes_them(text: str, value: bool | None) -> None:
    assert as_boolean(text, "x") is value


@pytest.mark.parametrize("text", ["yes", "TRUE", "2"])
def test_what_is_no_boolean_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="true or false"):
        as_boolean(text, "x")


CASES: list[tuple[DataType, dict[str, str], Any]] = [
    (DataType.STRING, {"d": ""}, ""),
    (DataType.STRING, {"d": "1"}, "1"),
    (DataType.NUMBER, {"d": "7"}, 7),
    (DataType.NUMBER, {"d": "0.5"}, 0.5),
    (DataType.NUMBER, {"d": "1e+22"}, 1e22),
    (DataType.NUMBER, {"d": "nan"}, "nan"),
    (DataType.NUMBER, {"d": "inf"}, "inf"),
    (DataType.NUMBER, {"d": "12" * 3000}, "12" * 3000),
    (DataType.BOOLEAN, {"d": "True"}, True),
    (DataType.BOOLEAN, {"d": "maybe"}, "maybe"),
    (DataType.ARRAY, {"d[0]": "a", "d[1]": "b"}, ["a", "b"]),
    (DataType.ARRAY, {"d[0]": "1", "d[1]": "2.5", "d[2]": ""}, [1, 2.5, None]),
    (DataType.ARRAY, {"d[0]": "['a', 1]"}, [["a", 1]]),
    (DataType.ARRAY, {"d[0]": "[open"}, ["[open"]),
    (DataType.ARRAY, {"d[0]": "[b'bytes']"}, ["[b'bytes']"]),
    (DataType.ARRAY, {"d[0]": "[" * 5000}, ["[" * 5000]),
    (DataType.JSON, {"d[k]": "v", "d[n]": "1", "d[t]": "True"}, {"k": "v", "n": 1, "t": True}),
    (DataType.JSON, {"d[k]": "007"}, {"k": "007"}),
    (DataType.JSON, {"d[k]": "1_000"}, {"k": "1_000"}),
    (DataType.JSON, {"d[k]": "nan"}, {"k": "nan"}),
    (DataType.JSON, {"d[a][0][b]": "x"}, {"a": [{"b": "x"}]}),
]


@pytest.mark.parametrize(("data_type", "fields", "value"), CASES, ids=range(len(CASES)))
def test_defaults_are_read_by_their_type(
    data_type: DataType, fields: dict[str, str], value: Any
) -> None:
    found = as_value(tree_of(**fields)["d"], data_type, "d")

    assert found == value
    assert type(found) is type(value)


def test_a_list_inside_a_list_arrives_as_a_repeated_field() -> None:
    tree = read_tree([("d[0]", "a"), ("d[1]", "b"), ("d[1]", "c")])

    assert as_value(tree["d"], DataType.ARRAY, "d") == ["a", ["b", "c"]]
