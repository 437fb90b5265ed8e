from typing import Any

import msgspec
import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.mappings import (
    AnySource,
    Constant,
    EndpointValue,
    InputMapping,
    Mapping,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Rule
from pumphouse.errors import Invalid
from pumphouse.mapping import MAX_INPUTS_BYTES, Admitted, admit, check, complete
from tests.unit.mapping.samples import JSON_VALUES, VALUES, a_pipeline, an_input

RENAMED = Mapping(inputs=(InputMapping(input="a", source=EndpointValue(name="amount")),))


def admitted_values(pipeline: Pipeline, mapping: Mapping, given: dict[str, Any]) -> dict[str, Any]:
    admitted = admit(pipeline, mapping, given, {})
    assert admitted.files == {}
    return admitted.inputs


def refusal(
    pipeline: Pipeline,
    mapping: Mapping,
    given: dict[str, Any],
    files: dict[str, Reference] | None = None,
) -> str:
    with pytest.raises(Invalid) as error:
        admit(pipeline, mapping, given, files)
    return error.value.message


def test_only_what_the_mapping_uses_is_kept_under_the_callers_name() -> None:
    pipeline = a_pipeline(an_input("a"), an_input("b"))
    mapping = Mapping(
        inputs=(*RENAMED.inputs, InputMapping(input="b", source=Constant(value=2))),
    )
    assert admitted_values(pipeline, mapping, {"amount": 1, "a": "x", "b": "y"}) == {"amount": 1}


def test_a_run_gives_values_by_the_names_of_inputs() -> None:
    pipeline = a_pipeline(an_input("a"))
    mapping = Mapping(inputs=(InputMapping(input="a", source=RunValue(name="a")),))
    assert admitted_values(pipeline, mapping, {"a": 5, "z": 1}) == {"a": 5}


def test_a_wrong_type_is_named_with_the_callers_name() -> None:
    message = refusal(a_pipeline(an_input("a")), RENAMED, {"amount": "five"})
    assert message == "Input 'amount': a number is expected, a string was given: 'five'."


@pytest.mark.parametrize(
    ("pipeline_says", "mapping_says", "pipeline_default", "mapping_default", "is_refused"),
    [
        (True, None, msgspec.UNSET, msgspec.UNSET, True),
        (None, None, msgspec.UNSET, msgspec.UNSET, False),
        (False, True, msgspec.UNSET, msgspec.UNSET, True),
        (True, False, msgspec.UNSET, msgspec.UNSET, False),
        (True, None, 1, msgspec.UNSET, False),
        (True, None, msgspec.UNSET, 1, False),
        (True, True, msgspec.UNSET, None, False),
    ],
)
def test_a_missing_input_is_refused_when_required_and_without_default(
    pipeline_says: bool | None,
    mapping_says: bool | None,
    pipeline_default: Any,
    mapping_default: Any,
    is_refused: bool,
) -> None:
    pipeline = a_pipeline(an_input("a", is_required=pipeline_says, default=pipeline_default))
    source = EndpointValue(name="amount", is_required=mapping_says, default=mapping_default)
    mapping = Mapping(inputs=(InputMapping(input="a", source=source),))
    if is_refused:
        assert refusal(pipeline, mapping, {}) == "Give the required input 'amount' (number)."
    else:
        assert admitted_values(pipeline, mapping, {}) == {}


def test_an_explicit_null_counts_as_given() -> None:
    pipeline = a_pipeline(an_input("a", is_required=True))
    assert admitted_values(pipeline, RENAMED, {"amount": None}) == {"amount": None}


def test_every_fault_is_named_at_once() -> None:
    pipeline = a_pipeline(
        an_input("a"), an_input("b", is_required=True), an_input("c", is_required=True)
    )
    message = refusal(pipeline, complete(pipeline, None, Mapping()), {"a": []})
    assert "Input 'a'" in message
    assert "Give the required inputs 'b' (number), 'c' (number)." in message


def test_inputs_are_limited_together() -> None:
    pipeline = a_pipeline(an_input("a", DataType.STRING), an_input("b", DataType.STRING))
    mapping = complete(pipeline, None, Mapping())
    overhead = len('{"a":"","b":""}')
    half = "x" * ((MAX_INPUTS_BYTES - overhead) // 2)
    assert admitted_values(pipeline, mapping, {"a": half, "b": half}) == {"a": half, "b": half}
    assert "65,536" in refusal(pipeline, mapping, {"a": half, "b": half + "xx"})
    assert admitted_values(pipeline, mapping, {"a": "x", "unused": half * 3}) == {"a": "x"}


def test_nan_is_refused_by_name() -> None:
    pipeline = a_pipeline(an_input("a", DataType.ARRAY))
    message = refusal(pipeline, RENAMED, {"amount": [float("nan")]})
    assert message == "Input 'amount': NaN cannot be used: JSON has no such number."


# -- files

PHOTO = Reference(key="e/inputs/0", size=5, name="photo.png")


def from_caller(name: str, source: AnySource) -> Mapping:
    return Mapping(inputs=(InputMapping(input=name, source=source),))


FILE_CALL = (
    a_pipeline(an_input("photo", DataType.FILE, is_required=True)),
    from_caller("photo", EndpointValue(name="picture")),
)


@pytest.mark.parametrize("source", [EndpointValue(name="picture"), RunValue(name="picture")])
def test_a_file_is_admitted_under_the_callers_name(source: EndpointValue | RunValue) -> None:
    pipeline, _ = FILE_CALL
    mapping = from_caller("photo", source)
    admitted = admit(pipeline, mapping, {}, {"picture": PHOTO, "photo": PHOTO, "other": PHOTO})
    assert admitted == Admitted(inputs={}, files={"picture": PHOTO})


def test_a_file_that_the_mapping_takes_elsewhere_is_left_out() -> None:
    pipeline, _ = FILE_CALL
    mapping = from_caller("photo", StoredFile(path="a.png"))
    assert admit(pipeline, mapping, {"photo": 1}, {"photo": PHOTO}) == Admitted({}, {})


def test_a_file_and_values_are_admitted_together() -> None:
    pipeline = a_pipeline(an_input("photo", DataType.FILE), an_input("a"))
    mapping = complete(pipeline, Rule.ENDPOINT, Mapping())
    assert admit(pipeline, mapping, {"a": 1}, {"photo": PHOTO}) == Admitted(
        inputs={"a": 1}, files={"photo": PHOTO}
    )


def test_a_value_for_a_file_is_refused_by_name() -> None:
    message = refusal(*FILE_CALL, {"picture": "a.png"}, {})
    assert message == "Input 'picture' is a file: send it as a file."


def test_a_file_for_a_value_is_refused_by_name() -> None:
    message = refusal(a_pipeline(an_input("a")), RENAMED, {}, {"amount": PHOTO})
    assert message == "Input 'amount' is of type number: send a value, not a file."


def test_a_required_file_that_is_missing_is_named() -> None:
    assert refusal(*FILE_CALL, {}, {}) == "Give the required input 'picture' (file)."


def test_null_is_no_file_and_counts_as_given() -> None:
    assert admit(*FILE_CALL, {"picture": None}, {}) == Admitted({"picture": None}, {})
    assert admit(*FILE_CALL, {"picture": None}) == Admitted({"picture": None}, {})


def test_a_file_goes_before_a_null_of_its_name() -> None:
    admitted = admit(*FILE_CALL, {"picture": None}, {"picture": PHOTO})
    assert admitted == Admitted({}, {"picture": PHOTO})


@pytest.mark.parametrize("given", [{}, {"picture": "a.png"}])
def test_who_cannot_send_files_is_told_what_to_do(given: dict[str, Any]) -> None:
    message = refusal(*FILE_CALL, given, None)
    assert message.startswith("Input 'picture' is a file, which a message cannot carry: map")


def test_who_cannot_send_files_hears_of_missing_values_too() -> None:
    pipeline = a_pipeline(
        an_input("photo", DataType.FILE, is_required=True), an_input("a", is_required=True)
    )
    message = refusal(pipeline, complete(pipeline, Rule.ENDPOINT, Mapping()), {}, None)
    assert "Input 'photo' is a file" in message
    assert message.endswith("Give the required input 'a' (number).")


def belongs(data_type: DataType, value: Any) -> bool:
    try:
        check(data_type, value)
    except Invalid:
        return False
    return True


@supposing(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(VALUES))),
    st.dictionaries(st.sampled_from("abcdefxyz"), JSON_VALUES | st.none()),
)
def test_whatever_is_given_is_kept_or_refused_by_name(
    types: dict[str, DataType], given: dict[str, Any]
) -> None:
    pipeline = a_pipeline(*(an_input(name, data_type) for name, data_type in types.items()))
    mapping = complete(pipeline, Rule.ENDPOINT, Mapping())
    wrong = {
        name
        for name, data_type in types.items()
        if name in given and not belongs(data_type, given[name])
    }
    if wrong:
        message = refusal(pipeline, mapping, given)
        assert {name for name in types if f"Input {name!r}" in message} == wrong
        return
    admitted = admitted_values(pipeline, mapping, given)
    assert admitted == {name: given[name] for name in types if name in given}
    assert admitted_values(pipeline, mapping, admitted) == admitted
