"""What the HTTP API shows of pipelines, deployments and executions."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.executions import LogLine, PlannedInput, ProducedOutput
from pumphouse.contracts.mappings import Dropped, EndpointOutput, EndpointValue, Mapping
from pumphouse.contracts.records import ExecutionDescribed, ExecutionSummary
from pumphouse.contracts.vocabulary import DataType, Mode, Rule, Status
from pumphouse.errors import Invalid
from pumphouse.gateway.mappings import kind_of, show_destination, show_source
from pumphouse.mapping import describe_schedule, parse_text

Open = Callable[[str], str]
"""From a sealed text to the text."""


def show_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    """The pipeline object."""
    message = pipeline.status_message
    return {
        "parameters": {
            "pipeline_name": pipeline.name,
            "function_path": pipeline.code.function_path,
            "function_name": pipeline.code.function_name,
            "description": pipeline.description,
            "inputs": [_without_unset(item, default="default_value") for item in pipeline.inputs],
            "outputs": [_without_unset(item) for item in pipeline.outputs],
            "container_config": pipeline.container,
        },
        "creation_info": {
            "id": pipeline.id,
            "created_at": pipeline.created_at,
            "created_by": pipeline.created_by,
            "commit_id": None,
            "status": pipeline.status,
            **({} if message is None else {"status_message": message}),
            "origin": "local",
            "pipeline_template": None,
        },
    }


def list_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "pipeline_name": pipeline.name,
        "created_at": pipeline.created_at,
        "status": pipeline.status,
    }


def show_deployment(deployment: Deployment, pipeline: Pipeline, open_seal: Open) -> dict[str, Any]:
    """The deployment object, with what its rule and mode add."""
    shown: dict[str, Any] = {
        "id": deployment.id,
        "name": deployment.name,
        "mode": deployment.mode,
        "pipeline": {"name": pipeline.name, "id": pipeline.id},
        "execution_rule": deployment.rule,
        "status": deployment.status,
        "is_enabled": deployment.is_enabled,
        "description": deployment.description,
        **_show_mapping(deployment.mapping, pipeline),
        "created_at": deployment.created_at,
        "created_by": deployment.created_by,
        "updated_at": deployment.updated_at,
        "updated_by": deployment.updated_by,
    }
    optional = {
        "status_message": deployment.status_message,
        "execution_timeout_s": deployment.execution_timeout_s,
        "ram_request": deployment.ram_request,
    }
    shown |= {key: value for key, value in optional.items() if value is not None}
    return shown | _of_rule(deployment, open_seal) | _of_mode(deployment)


def list_deployment(deployment: Deployment, pipeline: Pipeline) -> dict[str, Any]:
    return {
        "name": deployment.name,
        "pipeline_name": pipeline.name,
        "execution_rule": deployment.rule,
        "mode": deployment.mode,
        "is_enabled": deployment.is_enabled,
        "created_at": deployment.created_at,
    }


def show_summary(
    execution: ExecutionSummary, pipeline_name: str | None, deployment_name: str | None
) -> dict[str, Any]:
    """An execution as lists show it."""
    return {
        "execution_id": execution.id,
        "status": execution.status,
        "created_at": execution.created_at,
        "created_by": execution.created_by,
        "end_date": execution.finished_at,
        "pipeline_name": pipeline_name,
        "deployment_name": deployment_name,
    }


def show_execution(
    described: ExecutionDescribed,
    pipeline: Pipeline | None,
    deployment_name: str | None,
    open_seal: Open,
    with_values: bool = True,
) -> dict[str, Any]:
    """The execution object. A value that there is not yet is left out, and so are files."""
    execution = described.execution
    has_inputs = with_values and execution.started_at is not None
    has_outputs = with_values and execution.status is Status.SUCCEEDED
    name = None if pipeline is None else pipeline.name
    return {
        **show_summary(execution, name, deployment_name),
        "error": described.error,
        "steps": [
            {
                "name": name,
                "status": execution.status,
                "start_date": execution.started_at,
                "end_date": execution.finished_at,
                "commit_id": None,
                "repository_url": None,
                "repository_branch": None,
                "requirements_path": None
                if pipeline is None
                else pipeline.container.get("requirements_path"),
                "origin": "local",
            }
        ],
        "inputs": [
            show_input(item)
            | ({"value": input_value(item, open_seal)} if has_inputs and not is_file(item) else {})
            for item in described.inputs
        ],
        "outputs": [
            show_output(item) | ({"value": item.value} if has_outputs and not is_file(item) else {})
            for item in described.outputs
        ],
    }


def show_input(item: PlannedInput) -> dict[str, Any]:
    """An input of an execution, without its value."""
    return {
        "pipeline_input_name": item.name,
        "data_type": item.data_type,
        "mapping_type": kind_of(item.source),
        "mapping_value": show_source(item.source),
    }


def show_output(item: ProducedOutput) -> dict[str, Any]:
    """An output of an execution, without its value."""
    return {
        "pipeline_output_name": item.name,
        "data_type": item.data_type,
        "mapping_type": kind_of(item.destination),
        "mapping_value": show_destination(item.destination),
    }


def input_value(item: PlannedInput, open_seal: Open) -> Any:
    """The value that an input had; the text of a variable where it is not of the input's type."""
    if item.sealed is None:
        return item.value
    text = open_seal(item.sealed)
    try:
        return parse_text(item.data_type, text)
    except Invalid:
        return text


def show_outputs(outputs: tuple[ProducedOutput, ...]) -> list[dict[str, Any]]:
    """The outputs of a run; a file has no value here, nor has what was mapped to null."""
    return [
        show_output(item)
        | ({} if is_file(item) or isinstance(item.destination, Dropped) else {"value": item.value})
        for item in outputs
    ]


def is_file(item: PlannedInput | ProducedOutput) -> bool:
    return item.data_type is DataType.FILE


def exposed_outputs(outputs: Iterable[ProducedOutput]) -> dict[str, ProducedOutput]:
    """The outputs that an endpoint's caller gets, by the names that the caller knows."""
    return {
        item.destination.name: item
        for item in outputs
        if isinstance(item.destination, EndpointOutput)
    }


def caller_types(deployment: Deployment, pipeline: Pipeline) -> dict[str, DataType]:
    """The types of an endpoint's inputs, by the names that the caller knows."""
    types = {item.name: item.data_type for item in pipeline.inputs}
    return {
        item.source.name: types[item.input]
        for item in deployment.mapping.inputs
        if isinstance(item.source, EndpointValue)
    }


def show_line(line: LogLine) -> dict[str, Any]:
    return {"timestamp": line.at, "message": line.text}


def _show_mapping(mapping: Mapping, pipeline: Pipeline) -> dict[str, Any]:
    inputs = {item.name: item for item in pipeline.inputs}
    outputs = {item.name: item for item in pipeline.outputs}
    return {
        "inputs_mapping": [
            {
                "pipeline_input_name": item.input,
                "data_type": inputs[item.input].data_type,
                "description": inputs[item.input].description,
                **show_source(item.source),
            }
            for item in mapping.inputs
        ],
        "outputs_mapping": [
            {
                "pipeline_output_name": item.output,
                "data_type": outputs[item.output].data_type,
                "description": outputs[item.output].description,
                **show_destination(item.destination),
            }
            for item in mapping.outputs
        ],
    }


def _of_rule(deployment: Deployment, open_seal: Open) -> dict[str, Any]:
    if deployment.rule is Rule.ENDPOINT:
        sealed = deployment.endpoint_token
        return {
            "endpoint_url_path": deployment.endpoint_url_path,
            "endpoint_token": None if sealed is None else open_seal(sealed),
        }
    schedule = deployment.schedule or ""
    return {"schedule": schedule, "human_readable_schedule": describe_schedule(schedule)}


def _of_mode(deployment: Deployment) -> dict[str, Any]:
    if deployment.mode is Mode.ELASTIC:
        return {}
    shown: dict[str, Any] = {
        "enable_parallel_executions": deployment.enable_parallel_executions,
        "pods": [{"pod_id": pod.id, "status": pod.status} for pod in deployment.pods],
    }
    if deployment.enable_parallel_executions:
        shown["max_parallel_executions_per_pod"] = deployment.max_parallel_executions_per_pod
    return shown


def _without_unset(item: msgspec.Struct, **renamed: str) -> dict[str, Any]:
    fields = msgspec.structs.asdict(item)
    return {
        renamed.get(name, name): value
        for name, value in fields.items()
        if value is not None and value is not msgspec.UNSET
    }
