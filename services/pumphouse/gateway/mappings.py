"""Mappings as the HTTP API writes them, to and from the contract's."""

from typing import Any

import msgspec

from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    InputMapping,
    Mapping,
    NullValue,
    OutputMapping,
    StoredFile,
)
from pumphouse.errors import Invalid

_SOURCE_KEYS = (
    "constant_value",
    "endpoint_input_name",
    "environment_variable_name",
    "datastore_path",
    "is_null",
)
_CHANGEABLE = (Constant, StoredFile, FileTarget)
_DESTINATION_KEYS = ("endpoint_output_name", "datastore_path", "is_null")


class InputItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `inputs_mapping`: exactly one source, and what belongs to it. Null is absent."""

    pipeline_input_name: str
    constant_value: Any = None
    endpoint_input_name: str | None = None
    environment_variable_name: str | None = None
    datastore_path: str | None = None
    is_null: bool | None = None
    is_required: bool | None = None
    default_value: Any = None


class OutputItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `outputs_mapping`: exactly one destination. Null is absent."""

    pipeline_output_name: str
    endpoint_output_name: str | None = None
    datastore_path: str | None = None
    is_null: bool | None = None


def read_mapping(inputs: Any, outputs: Any) -> Mapping:
    """The mapping in two lists of items, either of which may be None.

    Raises Invalid for an item that has no source or destination, or several.
    """
    return Mapping(inputs=read_inputs(inputs), outputs=read_outputs(outputs))


def read_inputs(items: Any) -> tuple[InputMapping, ...]:
    """As read_mapping, for `inputs_mapping` alone."""
    return tuple(
        InputMapping(input=item.pipeline_input_name, source=_source(item))
        for item in _items(items, InputItem, "inputs_mapping")
    )


def read_outputs(items: Any) -> tuple[OutputMapping, ...]:
    """As read_mapping, for `outputs_mapping` alone."""
    return tuple(
        OutputMapping(output=item.pipeline_output_name, destination=_destination(item))
        for item in _items(items, OutputItem, "outputs_mapping")
    )


def kind_of(place: AnySource | AnyDestination) -> str:
    """The API's `mapping_type`."""
    return str(type(place).__struct_config__.tag)


def revise(mapping: Mapping, inputs: Any, outputs: Any) -> Mapping:
    """The mapping with other constants and paths of the data store; what is not listed stays.

    Raises Invalid when anything else would change, or an item names nothing in the mapping.
    """
    sources = {item.input: item.source for item in mapping.inputs}
    for item in read_inputs(inputs):
        _check_change("Input", item.input, sources.get(item.input), item.source)
        sources[item.input] = item.source
    destinations = {item.output: item.destination for item in mapping.outputs}
    for output in read_outputs(outputs):
        stored = destinations.get(output.output)
        _check_change("Output", output.output, stored, output.destination)
        destinations[output.output] = output.destination
    return Mapping(
        inputs=tuple(InputMapping(input=name, source=source) for name, source in sources.items()),
        outputs=tuple(
            OutputMapping(output=name, destination=destination)
            for name, destination in destinations.items()
        ),
    )


Place = AnySource | AnyDestination


def _check_change(what: str, name: str, stored: Place | None, wished: Place) -> None:
    if stored is None:
        raise Invalid(f"{what} {name!r} is not in the mapping of this deployment.")
    if kind_of(stored) != kind_of(wished):
        raise Invalid(
            f"{what} {name!r} is mapped as {kind_of(stored)!r} and cannot become"
            f" {kind_of(wished)!r}: create another deployment."
        )
    if stored != wished and not isinstance(wished, _CHANGEABLE):
        raise Invalid(
            f"{what} {name!r}: only a constant_value or a datastore_path can be changed; for"
            " anything else create another deployment."
        )


def _items(items: Any, kind: type[Any], what: str) -> list[Any]:
    try:
        return msgspec.convert([] if items is None else items, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise Invalid(f"{what} cannot be used: {error}.") from error


def _source(item: InputItem) -> AnySource:
    name = item.pipeline_input_name
    given = _only_one(item, _SOURCE_KEYS, f"Input {name!r}")
    if given != "endpoint_input_name" and not (
        item.is_required is None and item.default_value is None
    ):
        raise Invalid(
            f"Input {name!r}: is_required and default_value go with endpoint_input_name only."
        )
    match given:
        case "constant_value":
            return Constant(value=item.constant_value)
        case "endpoint_input_name":
            default = msgspec.UNSET if item.default_value is None else item.default_value
            return EndpointValue(
                name=str(item.endpoint_input_name), is_required=item.is_required, default=default
            )
        case "environment_variable_name":
            return EnvironmentVariable(name=str(item.environment_variable_name))
        case "datastore_path":
            return StoredFile(path=str(item.datastore_path))
        case _:
            return NullValue()


def _destination(item: OutputItem) -> AnyDestination:
    given = _only_one(item, _DESTINATION_KEYS, f"Output {item.pipeline_output_name!r}")
    match given:
        case "endpoint_output_name":
            return EndpointOutput(name=str(item.endpoint_output_name))
        case "datastore_path":
            return FileTarget(path=str(item.datastore_path))
        case _:
            return Dropped()


def _only_one(item: InputItem | OutputItem, keys: tuple[str, ...], what: str) -> str:
    given = [key for key in keys if _is_given(key, getattr(item, key))]
    if len(given) != 1:
        found = " and ".join(given) if given else "none"
        raise Invalid(f"{what} needs exactly one of {', '.join(keys)}; it has {found}.")
    return given[0]


def _is_given(key: str, value: Any) -> bool:
    return bool(value) if key == "is_null" else value is not None
