"""Inputs and outputs of executions, as the platform gives them and as users see them."""

from collections.abc import Mapping
from typing import Any, Literal

from pumphouse.sdk.vocabulary import DataType, ExecutionStatus

Kind = Literal["input", "output"]

_UNFINISHED = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)
_NOT_HERE = ("is_null", "datastore")
_NOT_SHOWN = ("is_required", "default_value", "run_input_name", "run_output_name")


def is_file(item: Mapping[str, Any]) -> bool:
    return bool(item["data_type"] == DataType.FILE)


def is_file_of_the_execution(item: Mapping[str, Any]) -> bool:
    """Whether the platform keeps its content with the execution."""
    return is_file(item) and item["mapping_type"] not in _NOT_HERE


def has_given_file(execution: Mapping[str, Any], output: Mapping[str, Any]) -> bool:
    """Whether the content of an output can be asked for."""
    is_over = execution["status"] not in _UNFINISHED
    return is_over and is_file(output) and output["mapping_type"] != "is_null"


def shown_item(item: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    mapping = {k: v for k, v in item["mapping_value"].items() if k not in _NOT_SHOWN}
    kept = {k: v for k, v in item.items() if k not in ("mapping_type", "mapping_value", "value")}
    direction = "source" if kind == "input" else "destination"
    return {**kept, **mapping, direction: item["mapping_type"], "value": item.get("value")}
