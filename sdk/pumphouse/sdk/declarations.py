"""What a caller declares: inputs and outputs of a pipeline, and where their values come from."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from pumphouse.sdk.encoding import given
from pumphouse.sdk.errors import InvalidParameters


class Declaration(msgspec.Struct, frozen=True):
    """A set of named values, of which only those that are not None count."""

    def to_dict(self) -> dict[str, Any]:
        return given(msgspec.structs.asdict(self))


class Input(Declaration, frozen=True):
    """One input of a pipeline.

    name: of a parameter of the function. data_type: a DataType or its text. is_required: without
    a value the execution is refused. default_value: of that type, used when no value is given.
    """

    name: str
    data_type: str
    description: str | None = None
    is_required: bool | None = None
    default_value: Any = None


class Output(Declaration, frozen=True):
    """One output of a pipeline: a key of the dict that the function returns."""

    name: str
    data_type: str
    description: str | None = None


class InputSource(Declaration, frozen=True):
    """Where the value of one input comes from; set exactly one of the sources.

    endpoint_input_name: the caller of the endpoint gives it under this name; is_required and
    default_value belong to this source alone. environment_variable_name: its value when the
    execution is triggered. constant_value: this value. is_null: None. datastore_path: that file.
    """

    pipeline_input_name: str | None = None
    endpoint_input_name: str | None = None
    environment_variable_name: str | None = None
    is_required: bool | None = None
    default_value: Any = None
    constant_value: Any = None
    is_null: bool | None = None
    datastore_path: str | None = None


class OutputDestination(Declaration, frozen=True):
    """Where the value of one output goes; set exactly one of the destinations.

    endpoint_output_name: to the caller of the endpoint, under this name. is_null: nowhere.
    datastore_path: to that file.
    """

    pipeline_output_name: str | None = None
    endpoint_output_name: str | None = None
    is_null: bool | None = None
    datastore_path: str | None = None


D = TypeVar("D", bound=Declaration)


def to_dicts(
    declarations: Iterable[D] | None, kind: type[D], parameter: str
) -> list[dict[str, Any]] | None:
    """Plain dicts for `declarations`. Raises InvalidParameters if one is not of `kind`."""
    if declarations is None:
        return None
    found = list(declarations)
    if not all(isinstance(declaration, kind) for declaration in found):
        raise InvalidParameters(f"{parameter!r} must be a list of {kind.__name__} objects.")
    return [declaration.to_dict() for declaration in found]


def mappings(
    inputs_mapping: Iterable[InputSource] | None,
    outputs_mapping: Iterable[OutputDestination] | None,
) -> dict[str, list[dict[str, Any]] | None]:
    """Both parameters by name, as plain dicts. Raises InvalidParameters as `to_dicts`."""
    return {
        "inputs_mapping": to_dicts(inputs_mapping, InputSource, "inputs_mapping"),
        "outputs_mapping": to_dicts(outputs_mapping, OutputDestination, "outputs_mapping"),
    }
