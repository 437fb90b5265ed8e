"""What the HTTP API shows of executions."""

from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.executions import PlannedInput, ProducedOutput
from pumphouse.contracts.mappings import Dropped
from pumphouse.contracts.records import ExecutionDescribed, ExecutionSummary
from pumphouse.contracts.vocabulary import DataType, Status
from pumphouse.errors import Invalid
from pumphouse.gateway.answers import Moment
from pumphouse.gateway.mapping_views import (
    ShownDestination,
    ShownSource,
    destination_keys,
    source_keys,
)
from pumphouse.gateway.mappings import kind_of
from pumphouse.gateway.pipeline_views import CodeOrigin, origin_of
from pumphouse.mapping import parse_text

Open = Callable[[str], str]
"""From a sealed text to the text."""

SourceKind = Literal["run", "endpoint", "constant", "environment_variable", "datastore", "is_null"]
DestinationKind = Literal["run", "endpoint", "datastore", "is_null"]


class ExecutionInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input of an execution. There is no value before it starts, and none of a file."""

    pipeline_input_name: str
    data_type: DataType
    mapping_type: SourceKind
    mapping_value: ShownSource
    value: Any = UNSET


class ExecutionOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output of an execution. There is no value before its success, and none of a file."""

    pipeline_output_name: str
    data_type: DataType
    mapping_type: DestinationKind
    mapping_value: ShownDestination
    value: Any = UNSET


class ListedExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as lists show it; names are null where what they named is gone."""

    execution_id: str
    status: Status
    created_at: Moment
    created_by: str
    end_date: Moment | None
    pipeline_name: str | None
    deployment_name: str | None


class ExecutionStep(msgspec.Struct, frozen=True, kw_only=True):
    """The one step of an execution: its pipeline."""

    name: str | None
    status: Status
    start_date: Moment | None
    end_date: Moment | None
    commit_id: str | None
    repository_url: str | None
    repository_branch: str | None
    requirements_path: str | None
    origin: CodeOrigin


class ShownExecution(ListedExecution, frozen=True, kw_only=True):
    """An execution. error: why it failed."""

    error: str | None
    steps: list[ExecutionStep]
    inputs: list[ExecutionInput]
    outputs: list[ExecutionOutput]


class ExecutionOutputs(msgspec.Struct, frozen=True):
    """All outputs of an execution that has succeeded."""

    outputs: list[ExecutionOutput]


class ExecutionNamed(msgspec.Struct, frozen=True):
    execution_id: str


def list_execution(
    execution: ExecutionSummary, pipeline_name: str | None, deployment_name: str | None
) -> ListedExecution:
    """An execution as lists show it."""
    return ListedExecution(**_summary(execution, pipeline_name, deployment_name))


def show_execution(
    described: ExecutionDescribed,
    pipeline: Pipeline | None,
    deployment_name: str | None,
    open_seal: Open,
    with_values: bool = True,
) -> ShownExecution:
    """The execution object. A value that there is not yet is left out, and so are files."""
    execution = described.execution
    has_inputs = with_values and execution.started_at is not None
    has_outputs = with_values and execution.status is Status.SUCCEEDED
    name = None if pipeline is None else pipeline.name
    return ShownExecution(
        **_summary(execution, name, deployment_name),
        error=described.error,
        steps=[_step(execution, pipeline)],
        inputs=[
            _input(item, input_value(item, open_seal) if has_inputs else UNSET)
            for item in described.inputs
        ],
        outputs=[_output(item, item.value if has_outputs else UNSET) for item in described.outputs],
    )


def input_value(item: PlannedInput, open_seal: Open) -> Any:
    """The value that an input had; the text of a variable where it is not of the input's type."""
    if item.sealed is None:
        return item.value
    text = open_seal(item.sealed)
    try:
        return parse_text(item.data_type, text)
    except Invalid:
        return text


def show_outputs(outputs: tuple[ProducedOutput, ...]) -> ExecutionOutputs:
    """The outputs of a run; a file has no value here, nor has what was mapped to null."""
    return ExecutionOutputs(
        [
            _output(item, UNSET if isinstance(item.destination, Dropped) else item.value)
            for item in outputs
        ]
    )


def is_file(item: PlannedInput | ProducedOutput) -> bool:
    return item.data_type is DataType.FILE


def _summary(
    execution: ExecutionSummary, pipeline_name: str | None, deployment_name: str | None
) -> dict[str, Any]:
    return {
        "execution_id": execution.id,
        "status": execution.status,
        "created_at": execution.created_at,
        "created_by": execution.created_by,
        "end_date": execution.finished_at,
        "pipeline_name": pipeline_name,
        "deployment_name": deployment_name,
    }


def _step(execution: ExecutionSummary, pipeline: Pipeline | None) -> ExecutionStep:
    container = {} if pipeline is None else pipeline.container
    return ExecutionStep(
        name=None if pipeline is None else pipeline.name,
        status=execution.status,
        start_date=execution.started_at,
        end_date=execution.finished_at,
        commit_id=None if pipeline is None else pipeline.commit_id,
        repository_url=container.get("repository_url"),
        repository_branch=container.get("repository_branch"),
        requirements_path=container.get("requirements_path"),
        origin=origin_of(pipeline),
    )


def _input(item: PlannedInput, value: Any) -> ExecutionInput:
    return ExecutionInput(
        pipeline_input_name=item.name,
        data_type=item.data_type,
        mapping_type=cast(SourceKind, kind_of(item.source)),
        mapping_value=ShownSource(**source_keys(item.source)),
        value=UNSET if is_file(item) else value,
    )


def _output(item: ProducedOutput, value: Any) -> ExecutionOutput:
    return ExecutionOutput(
        pipeline_output_name=item.name,
        data_type=item.data_type,
        mapping_type=cast(DestinationKind, kind_of(item.destination)),
        mapping_value=ShownDestination(**destination_keys(item.destination)),
        value=UNSET if is_file(item) else value,
    )
