import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid
from pumphouse.mapping import check, parse_text
from tests.unit.mapping.samples import JSON_VALUES, NUMBERS, VALUE_TYPES, VALUES

TOO_LONG = 10**5000

NESTED_TOO_DEEP: list[Any] = []
for _ in range(300):
    NESTED_TOO_DEEP = [NESTED_TOO_DEEP]

CIRCULAR: list[Any] = []
CIRCULAR.append(CIRCULAR)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (DataType.NUMBER, 1),
        (DataType.NUMBER, -0.5),
        (DataType.NUMBER, 10**300),
        (DataType.STRING, ""),
        (DataType.STRING, "é\x00🎈"),
        (DataType.BOOLEAN, False),
        (DataType.JSON, {"a": [1, None, {"b": "c"}]}),
        (DataType.JSON, "text"),
        (DataType.JSON, 1.5),
        (DataType.JSON, True),
        (DataType.JSON, []),
        (DataType.ARRAY, [1, "a", None]),
        *((data_type, None) for data_type in DataType),
    ],
)
def test_a_value_of_its_type_passes(data_type: DataType, value: Any) -> None:
    check(data_type, value)


@pytest.mark.parametrize(
    ("data_type", "value", "message"),
    [
        (DataType.NUMBER, "nine", "a number is expected, a string was given: 'nine'"),
        (DataType.NUMBER, True, "a number is expected, a boolean was given: true"),
        (DataType.NUMBER, math.nan, "NaN cannot be used: JSON has no such number"),
        (DataType.NUMBER, -math.inf, "-Infinity cannot be used: JSON has no such number"),
        pytest.param(
            DataType.NUMBER,
            TOO_LONG,
            "an integer of more than 4300 digits cannot be used",
            id="an integer that is too long",
        ),
        (DataType.STRING, 9, "a string is expected, a number was given: 9"),
        pytest.param(
            DataType.STRING,
            TOO_LONG,
            "a string is expected, an integer of more than 4300 digits was given",
            id="an integer that is too long for a string",
        ),
        (
            DataType.STRING,
            "\ud800",
            "text with half a surrogate pair cannot be used: it is not Unicode",
        ),
        (
            DataType.NUMBER,
            "\ud800",
            "a number is expected, a string was given: '\\ud800'",
        ),
        (DataType.BOOLEAN, 1, "a boolean is expected, a number was given: 1"),
        (DataType.BOOLEAN, [], "a boolean is expected, an array of 0 was given"),
        (DataType.ARRAY, {"a": 1}, "an array is expected, an object of 1 was given"),
        (DataType.ARRAY, (1, 2), "an array is expected, a Python tuple was given"),
        (DataType.ARRAY, [1, [math.inf]], "Infinity cannot be used: JSON has no such number"),
        (DataType.JSON, {"a": {"b": math.nan}}, "NaN cannot be used: JSON has no such number"),
        (DataType.JSON, {1: 2}, "the keys of a JSON object must be strings"),
        (DataType.JSON, {1, 2}, "a JSON value is expected, a Python set was given"),
        (DataType.JSON, [b"bytes"], "JSON cannot hold a Python bytes"),
        (
            DataType.JSON,
            {"\udfff": 1},
            "text with half a surrogate pair cannot be used: it is not Unicode",
        ),
        (DataType.JSON, NESTED_TOO_DEEP, "more than 200 levels of nesting cannot be used"),
        (DataType.ARRAY, CIRCULAR, "more than 200 levels of nesting cannot be used"),
        (
            DataType.NUMBER,
            "x" * 1000,
            f"a number is expected, a string was given: '{'x' * 40}…'",
        ),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(
    data_type: DataType, value: Any, message: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        check(data_type, value)
    assert refusal.value.message == message


@pytest.mark.parametrize(
    ("data_type", "text", "value"),
    [
        (DataType.STRING, "", ""),
        (DataType.STRING, " as is\n", " as is\n"),
        (DataType.NUMBER, "7", 7),
        (DataType.NUMBER, "+7", 7),
        (DataType.NUMBER, " 7\n", 7),
        (DataType.NUMBER, "7.0", 7.0),
        (DataType.NUMBER, "-1e-3", -0.001),
        (DataType.NUMBER, ".5", 0.5),
        (DataType.NUMBER, "9" * 100, 10**100 - 1),
        (DataType.BOOLEAN, "TRUE", True),
        (DataType.BOOLEAN, "0", False),
        (DataType.JSON, '{"a": [1, null]}', {"a": [1, None]}),
        (DataType.JSON, "null", None),
        (DataType.JSON, "3", 3),
        (DataType.ARRAY, "[1, 2]", [1, 2]),
    ],
)
def test_text_is_read_by_type(data_type: DataType, text: str, value: Any) -> None:
    parsed = parse_text(data_type, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        (DataType.NUMBER, ""),
        (DataType.NUMBER, "s3cret"),
        (DataType.NUMBER, "nan"),
        (DataType.NUMBER, "infinity"),
        (DataType.NUMBER, "1e999"),
        (DataType.NUMBER, "1_000"),
        (DataType.NUMBER, "0x10"),
        (DataType.NUMBER, "٣"),
        (DataType.NUMBER, "."),
        (DataType.NUMBER, "9" * 5000),
        (DataType.BOOLEAN, "yes s3cret"),
        (DataType.BOOLEAN, ""),
        (DataType.JSON, ""),
        (DataType.JSON, "{s3cret}"),
        (DataType.JSON, "[NaN]"),
        (DataType.JSON, "\ud800"),
        (DataType.JSON, "[" * 100_000),
        (DataType.JSON, "[" * 250 + "]" * 250),
        (DataType.ARRAY, '{"s3cret": 1}'),
        (DataType.ARRAY, '"s3cret"'),
        (DataType.STRING, "s3cret\ud800"),
    ],
)
def test_text_that_is_no_value_of_the_type_is_refused_without_quoting_it(
    data_type: DataType, text: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_text(data_type, text)
    assert "s3cret" not in refusal.value.message
    assert data_type.value in refusal.value.message.lower()


@pytest.mark.parametrize("value", ["a.csv", {"path": "a.csv"}, b"", False])
def test_no_value_is_a_file(value: Any) -> None:
    with pytest.raises(Invalid, match="a file is expected, a"):
        check(DataType.FILE, value)


def test_no_text_is_a_file() -> None:
    with pytest.raises(Invalid, match="it is a file"):
        parse_text(DataType.FILE, "a")


@given(st.sampled_from(VALUE_TYPES).flatmap(lambda t: st.tuples(st.just(t), VALUES[t])))
def test_what_passes_travels_in_json_unchanged(typed: tuple[DataType, Any]) -> None:
    data_type, value = typed
    check(data_type, value)
    travelled = msgspec.json.decode(msgspec.json.encode(value))
    assert travelled == value
    check(data_type, travelled)


@given(JSON_VALUES, st.sampled_from(VALUE_TYPES))
def test_any_json_value_is_of_the_type_or_refused_with_the_type_named(
    value: Any, data_type: DataType
) -> None:
    types: dict[DataType, tuple[type, ...]] = {
        DataType.STRING: (str,),
        DataType.NUMBER: (int, float),
        DataType.BOOLEAN: (bool,),
        DataType.JSON: (object,),
        DataType.ARRAY: (list,),
    }
    is_misplaced_boolean = isinstance(value, bool) and data_type is DataType.NUMBER
    if isinstance(value, types[data_type]) and not is_misplaced_boolean:
        check(data_type, value)
    else:
        with pytest.raises(Invalid, match=data_type.value):
            check(data_type, value)


@given(NUMBERS)
def test_the_text_of_a_number_is_read_as_the_same_number(number: int | float) -> None:
    parsed = parse_text(DataType.NUMBER, repr(number))
    assert parsed == number
    assert type(parsed) is type(number)


@given(st.text(), st.sampled_from(VALUE_TYPES))
def test_what_text_is_read_as_belongs_to_the_type(text: str, data_type: DataType) -> None:
    try:
        value = parse_text(data_type, text)
    except Invalid:
        return
    check(data_type, value)


@given(JSON_VALUES)
def test_the_json_text_of_a_value_is_read_as_the_value(value: Any) -> None:
    assert parse_text(DataType.JSON, msgspec.json.encode(value).decode()) == value
