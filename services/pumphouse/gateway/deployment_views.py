"""What the HTTP API shows of deployments."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.mappings import Mapping
from pumphouse.contracts.vocabulary import DataType, DeploymentStatus, Mode, Rule
from pumphouse.gateway.answers import Moment
from pumphouse.gateway.mapping_views import (
    ShownDestination,
    ShownSource,
    destination_keys,
    source_keys,
)
from pumphouse.mapping import describe_schedule

Open = Callable[[str], str]
"""From a sealed text to the text."""


class MappedInput(ShownSource, frozen=True, kw_only=True):
    """An input of the pipeline, with its source."""

    pipeline_input_name: str
    data_type: DataType
    description: str | None


class MappedOutput(ShownDestination, frozen=True, kw_only=True):
    """An output of the pipeline, with its destination."""

    pipeline_output_name: str
    data_type: DataType
    description: str | None


class DeployedPipeline(msgspec.Struct, frozen=True):
    name: str
    id: str


class ShownPod(msgspec.Struct, frozen=True):
    """A process of a low latency deployment."""

    pod_id: str
    status: DeploymentStatus


class ShownDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment; which of the last keys there are depends on its rule and its mode.

    status_message: why it could not be created. endpoint_token: null for user code that asks.
    """

    id: str
    name: str
    mode: Mode
    pipeline: DeployedPipeline
    execution_rule: Rule
    status: DeploymentStatus
    is_enabled: bool
    description: str | None
    inputs_mapping: list[MappedInput]
    outputs_mapping: list[MappedOutput]
    created_at: Moment
    created_by: str
    updated_at: Moment
    updated_by: str
    status_message: str | UnsetType = UNSET
    execution_timeout_s: int | UnsetType = UNSET
    ram_request: str | UnsetType = UNSET
    endpoint_url_path: str | UnsetType | None = UNSET
    endpoint_token: str | UnsetType | None = UNSET
    schedule: str | UnsetType = UNSET
    human_readable_schedule: str | UnsetType = UNSET
    enable_parallel_executions: bool | UnsetType = UNSET
    max_parallel_executions_per_pod: int | UnsetType | None = UNSET
    replicas: int | UnsetType = UNSET
    pods: list[ShownPod] | UnsetType = UNSET


class ListedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as lists show it."""

    name: str
    pipeline_name: str
    execution_rule: Rule
    mode: Mode
    is_enabled: bool
    created_at: Moment


class EndpointToken(msgspec.Struct, frozen=True):
    endpoint_token: str


def show_deployment(deployment: Deployment, pipeline: Pipeline, open_seal: Open) -> ShownDeployment:
    """The deployment object, with what its rule and mode add."""
    optional: dict[str, Any] = {
        "status_message": deployment.status_message,
        "execution_timeout_s": deployment.execution_timeout_s,
        "ram_request": deployment.ram_request,
    }
    return ShownDeployment(
        id=deployment.id,
        name=deployment.name,
        mode=deployment.mode,
        pipeline=DeployedPipeline(pipeline.name, pipeline.id),
        execution_rule=deployment.rule,
        status=deployment.status,
        is_enabled=deployment.is_enabled,
        description=deployment.description,
        inputs_mapping=_inputs(deployment.mapping, pipeline),
        outputs_mapping=_outputs(deployment.mapping, pipeline),
        created_at=deployment.created_at,
        created_by=deployment.created_by,
        updated_at=deployment.updated_at,
        updated_by=deployment.updated_by,
        **{key: value for key, value in optional.items() if value is not None},
        **_of_rule(deployment, open_seal),
        **_of_mode(deployment),
    )


def list_deployment(deployment: Deployment, pipeline: Pipeline) -> ListedDeployment:
    return ListedDeployment(
        name=deployment.name,
        pipeline_name=pipeline.name,
        execution_rule=deployment.rule,
        mode=deployment.mode,
        is_enabled=deployment.is_enabled,
        created_at=deployment.created_at,
    )


def _inputs(mapping: Mapping, pipeline: Pipeline) -> list[MappedInput]:
    declared = {item.name: item for item in pipeline.inputs}
    return [
        MappedInput(
            pipeline_input_name=item.input,
            data_type=declared[item.input].data_type,
            description=declared[item.input].description,
            **source_keys(item.source),
        )
        for item in mapping.inputs
    ]


def _outputs(mapping: Mapping, pipeline: Pipeline) -> list[MappedOutput]:
    declared = {item.name: item for item in pipeline.outputs}
    return [
        MappedOutput(
            pipeline_output_name=item.output,
            data_type=declared[item.output].data_type,
            description=declared[item.output].description,
            **destination_keys(item.destination),
        )
        for item in mapping.outputs
    ]


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
        "replicas": deployment.replicas,
        "pods": [ShownPod(pod.id, pod.status) for pod in deployment.pods],
    }
    if deployment.enable_parallel_executions:
        shown["max_parallel_executions_per_pod"] = deployment.max_parallel_executions_per_pod
    return shown
