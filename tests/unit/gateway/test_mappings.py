"""Mappings as the HTTP API writes them."""

from typing import Any

import msgspec
import pytest

from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    NullValue,
    StoredFile,
)
from pumphouse.errors import Invalid
from pumphouse.gateway.mapping_views import (
    ShownDestination,
    ShownSource,
    destination_keys,
    source_keys,
)
from pumphouse.gateway.mappings import (
    kind_of,
    read_inputs,
    read_mapping,
    read_outputs,
    revise,
)

SOURCES: list[tuple[dict[str, Any], AnySource, str]] = [
    ({"constant_value": 0}, Constant(value=0), "constant"),
    ({"constant_value": False}, Constant(value=False), "constant"),
    ({"constant_value": ""}, Constant(value=""), "constant"),
    ({"endpoint_input_name": "x"}, EndpointValue(name="x"), "endpoint"),
    (
        {"endpoint_input_name": "x", "is_required": False, "default_value": 0},
        EndpointValue(name="x", is_required=False, default=0),
        "endpoint",
    ),
    ({"environment_variable_name": "X"}, EnvironmentVariable(name="X"), "environment_variable"),
    ({"datastore_path": "a/b"}, StoredFile(path="a/b"), "datastore"),
    ({"is_null": True}, NullValue(), "is_null"),
]


@pytest.mark.parametrize(("keys", "source", "kind"), SOURCES)
def test_a_source_is_read_and_shown_by_its_key(
    keys: dict[str, Any], source: AnySource, kind: str
) -> None:
    (found,) = read_inputs([{"pipeline_input_name": "a", **keys}])

    assert found.input == "a"
    assert found.source == source
    assert msgspec.to_builtins(ShownSource(**source_keys(source))) == keys
    assert kind_of(source) == kind


DESTINATIONS: list[tuple[dict[str, Any], AnyDestination]] = [
    ({"endpoint_output_name": "x"}, EndpointOutput(name="x")),
    ({"datastore_path": "a/{date}"}, FileTarget(path="a/{date}")),
    ({"is_null": True}, Dropped()),
]


@pytest.mark.parametrize(("keys", "destination"), DESTINATIONS)
def test_a_destination_is_read_and_shown_by_its_key(
    keys: dict[str, Any], destination: AnyDestination
) -> None:
    (found,) = read_outputs([{"pipeline_output_name": "a", **keys}])

    assert found.destination == destination
    shown = ShownDestination(**destination_keys(destination))
    assert msgspec.to_builtins(shown) == keys


def test_nothing_given_is_an_empty_mapping() -> None:
    assert read_mapping(None, None) == read_mapping([], [])


def mapped(**sources: Any) -> list[dict[str, Any]]:
    return [{"pipeline_input_name": name, **keys} for name, keys in sources.items()]


def test_a_revision_changes_constants_and_nothing_else() -> None:
    mapping = read_mapping(mapped(a={"constant_value": 1}, b={"is_null": True}), None)

    revised = revise(mapping, mapped(a={"constant_value": 2}, b={"is_null": True}), None)

    assert revised == read_mapping(mapped(a={"constant_value": 2}, b={"is_null": True}), None)
    assert revise(mapping, None, []) == mapping
    for item in (
        mapped(a={"is_null": True}),
        mapped(b={"constant_value": 1}),
        mapped(c={"constant_value": 1}),
    ):
        with pytest.raises(Invalid):
            revise(mapping, item, None)
