"""Sources and destinations as the HTTP API shows them."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

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
    RunOutput,
    RunValue,
    StoredFile,
)


class ShownSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value of an input is from: one of these keys, and what belongs to it."""

    constant_value: Any = UNSET
    endpoint_input_name: str | UnsetType = UNSET
    is_required: bool | UnsetType = UNSET
    default_value: Any = UNSET
    environment_variable_name: str | UnsetType = UNSET
    datastore_path: str | UnsetType = UNSET
    run_input_name: str | UnsetType = UNSET
    is_null: bool | UnsetType = UNSET


class ShownDestination(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value of an output goes: one of these keys."""

    endpoint_output_name: str | UnsetType = UNSET
    datastore_path: str | UnsetType = UNSET
    run_output_name: str | UnsetType = UNSET
    is_null: bool | UnsetType = UNSET


def source_keys(source: AnySource) -> dict[str, Any]:
    """The fields of a ShownSource that stand for a source."""
    match source:
        case Constant(value=value):
            return {"constant_value": value}
        case EndpointValue(name=name, is_required=is_required, default=default):
            return {
                "endpoint_input_name": name,
                "is_required": UNSET if is_required is None else is_required,
                "default_value": default,
            }
        case EnvironmentVariable(name=name):
            return {"environment_variable_name": name}
        case StoredFile(path=path):
            return {"datastore_path": path}
        case RunValue(name=name):
            return {"run_input_name": name}
        case NullValue():
            return {"is_null": True}


def destination_keys(destination: AnyDestination) -> dict[str, Any]:
    """The fields of a ShownDestination that stand for a destination."""
    match destination:
        case EndpointOutput(name=name):
            return {"endpoint_output_name": name}
        case FileTarget(path=path):
            return {"datastore_path": path}
        case RunOutput(name=name):
            return {"run_output_name": name}
        case Dropped():
            return {"is_null": True}
