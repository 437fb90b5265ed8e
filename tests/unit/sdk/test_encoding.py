"""User values on their way to the platform."""

import ast
import json
import math
from datetime import date
from typing import Any

import pytest

from pumphouse.sdk import Input, InputSource, InvalidParameters, Output, OutputDestination
from pumphouse.sdk.declarations import to_dicts
from pumphouse.sdk.encoding import (
    LONGEST_LITERAL,
    as_literal,
    inputs_to_json,
    to_form,
    to_json,
)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"n": 2**70, "f": 0.1, "b": True, "none": None},
        {"text": 'né "✓" \\ \n', "list": [1, [2, {}]], "object": {"a": {"b": None}}},
    ],
)
def test_inputs_arrive_as_they_are(inputs: dict[str, Any]) -> None:
    assert json.loads(inputs_to_json(inputs)) == inputs


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}, b"bytes", {1, 2}])
def test_what_json_cannot_hold_is_refused_by_input_name(value: object) -> None:
    with pytest.raises(InvalidParameters, match="Input 'bad' cannot be sent as JSON"):
        inputs_to_json({"good": 1, "bad": value})


def test_inputs_must_be_named() -> None:
    with pytest.raises(InvalidParameters, match="must be a dict"):
        inputs_to_json([1, 2])  # type: ignore[arg-type]


def test_no_inputs_are_an_empty_object() -> None:
    assert inputs_to_json(None) == "{}"


def test_nested_parameters_become_bracketed_fields() -> None:
    parameters = {
        "name": "p",
        "config": {"folders": ["/", "lib"], "requirements": None},
        "inputs": [{"name": "a", "is_required": True, "default_value": {"x": [1, 2.5]}}],
        "nothing": [],
    }
    assert to_form(parameters) == {
        "name": "p",
        "config[folders][0]": "/",
        "config[folders][1]": "lib",
        "config[requirements]": "",
        "inputs[0][name]": "a",
        "inputs[0][is_required]": "True",
        "inputs[0][default_value][x][0]": "1",
        "inputs[0][default_value][x][1]": "2.5",
    }


@pytest.mark.parametrize("value", [[], {}, {"a": ["1", 1, 1.5, True, None, ""]}, [[1], ["é'"]]])
def test_a_list_or_object_keeps_its_types_as_a_literal(value: object) -> None:
    assert ast.literal_eval(as_literal(value)) == value


@pytest.mark.parametrize("value", [1, "[1]", True, ["x" * LONGEST_LITERAL]])
def test_other_values_are_no_literals(value: object) -> None:
    assert as_literal(value) is value


def test_declarations_send_only_what_was_given() -> None:
    assert Input("a", "number", default_value=0, is_required=False).to_dict() == {
        "name": "a",
        "data_type": "number",
        "default_value": 0,
        "is_required": False,
    }
    assert Output("b", "json").to_dict() == {"name": "b", "data_type": "json"}
    assert InputSource("a", is_null=True).to_dict() == {
        "pipeline_input_name": "a",
        "is_null": True,
    }
    assert OutputDestination("b", "result").to_dict() == {
        "pipeline_output_name": "b",
        "endpoint_output_name": "result",
    }


def test_a_declaration_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidParameters, match="'inputs' must be a list of Input objects"):
        to_dicts([Input("a", "number"), {"name": "b"}], Input, "inputs")  # type: ignore[type-var]


def test_a_constant_that_json_cannot_hold_is_refused() -> None:
    mapping = [InputSource("a", constant_value=date(2024, 2, 29)).to_dict()]
    with pytest.raises(InvalidParameters, match="A constant cannot be sent as JSON"):
        to_json(mapping, "A constant")
