"""What code written for the official client finds here: its calls, names and results."""

import enum
import inspect
from typing import Any, get_type_hints

import craft_ai_sdk
import craft_ai_sdk.constants
import pytest
from craft_ai_sdk.core import (
    data_store,
    deployments,
    endpoints,
    environment_variables,
    pipeline_metrics,
    pipeline_templates,
    pipelines,
    resource_metrics,
    users,
    vector_database,
)
from craft_ai_sdk.shared import types

import pumphouse.sdk
from pumphouse.sdk import (
    COMPLETED_EXECUTION_STATUSES,
    FAILED_EXECUTION_STATUSES,
    AsyncPumphouseSdk,
    CraftAiSdk,
    DeploymentStatus,
    InvalidParameters,
    PumphouseSdk,
    results,
)

LEFT_OUT = {("create_pipeline", "kwargs"): "they take any name there, only to refuse it"}
"""Parameters of the official client that our calls do not take, and why."""

CALLS = sorted(
    name
    for name, _ in inspect.getmembers(craft_ai_sdk.CraftAiSdk, inspect.isfunction)
    if not name.startswith("_")
)
CLIENTS = [PumphouseSdk, AsyncPumphouseSdk, CraftAiSdk]


def parameters_of(call: Any) -> list[inspect.Parameter]:
    """What a caller gives."""
    return [p for p in inspect.signature(call).parameters.values() if p.name not in ("self", "sdk")]


def test_there_are_calls_to_compare() -> None:
    assert len(CALLS) > 40
    assert {"create_pipeline", "get_weaviate_client", "who_am_i"} <= {*CALLS}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_takes_what_the_official_one_takes(client: type, call: str) -> None:
    theirs = [
        parameter
        for parameter in parameters_of(getattr(craft_ai_sdk.CraftAiSdk, call))
        if (call, parameter.name) not in LEFT_OUT
    ]
    ours = {parameter.name: parameter for parameter in parameters_of(getattr(client, call))}
    assert [(p.name, p.default, p.kind) for p in theirs] == [
        (p.name, p.default, p.kind) for p in list(ours.values())[: len(theirs)]
    ]
    more = list(ours.values())[len(theirs) :]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in more)


def test_what_is_left_out_is_still_there() -> None:
    for call, parameter in LEFT_OUT:
        theirs = parameters_of(getattr(craft_ai_sdk.CraftAiSdk, call))
        assert parameter in [p.name for p in theirs]


def test_the_client_is_made_with_the_same_parameters() -> None:
    theirs, ours = parameters_of(craft_ai_sdk.CraftAiSdk), parameters_of(CraftAiSdk)
    assert [(p.name, p.default, p.kind) for p in ours] == [
        (p.name, p.default, p.kind) for p in theirs
    ]


@pytest.mark.parametrize("name", craft_ai_sdk.__all__)
def test_a_name_of_the_package_is_here(name: str) -> None:
    theirs, ours = getattr(craft_ai_sdk, name), getattr(pumphouse.sdk, name)
    assert name in pumphouse.sdk.__all__
    if isinstance(theirs, type) and issubclass(theirs, enum.Enum):
        assert {m.name: m.value for m in theirs} == {m.name: m.value for m in ours}


def test_sets_and_statuses_have_the_same_members() -> None:
    completed, failed = COMPLETED_EXECUTION_STATUSES, FAILED_EXECUTION_STATUSES
    assert {*map(str, craft_ai_sdk.COMPLETED_EXECUTION_STATUSES)} == {*map(str, completed)}
    assert {*map(str, craft_ai_sdk.FAILED_EXECUTION_STATUSES)} == {*map(str, failed)}
    theirs = craft_ai_sdk.constants.DEPLOYMENT_STATUS
    assert {m.name: m.value for m in theirs} == {m.name: m.value for m in DeploymentStatus}


@pytest.mark.parametrize(
    "name", ["Input", "InputSource", "Output", "OutputDestination", "SdkException"]
)
def test_a_declaration_is_made_with_the_same_parameters(name: str) -> None:
    theirs = parameters_of(getattr(craft_ai_sdk, name))
    ours = parameters_of(getattr(pumphouse.sdk, name))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (data_store.DataStoreObjectInformation, results.DataStoreObject),
        (data_store.DataStoreDeletedObject, results.DataStoreObjectDeleted),
        (deployments.DeploymentEndpoint, results.Deployment),
        (deployments.DeploymentPeriodic, results.Deployment),
        (deployments.DeploymentLog, results.DeploymentLogLine),
        (deployments.DeploymentListItem, results.DeploymentSummary),
        (deployments.DeploymentDeleted, results.DeploymentDeleted),
        (deployments.DeploymentPod, results.Pod),
        (endpoints.EndpointNewToken, results.EndpointToken),
        (endpoints.EndpointTriggerBase, results.ExecutionStarted),
        (endpoints.EndpointTriggerWithOutputs, results.ExecutionOutputs),
        (environment_variables.EnvironmentVariable, results.EnvironmentVariable),
        (pipeline_metrics.Metric, results.Metric),
        (pipeline_metrics.ListMetric, results.ListMetric),
        (pipeline_templates.PipelineTemplate, results.PipelineTemplateSummary),
        (pipeline_templates.PipelineTemplateDetails, results.PipelineTemplate),
        (pipelines.Pipeline, results.Pipeline),
        (pipelines.PipelineParameter, results.PipelineParameters),
        (pipelines.PipelineCreationInfo, results.CreationInfo),
        (pipelines.PipelineListItem, results.PipelineSummary),
        (pipelines.PipelineDeleted, results.PipelineDeleted),
        (resource_metrics.ResourceMetrics, results.ResourceMetrics),
        (types.Log, results.LogLine),
        (users.User, results.User),
        (vector_database.VectorDatabaseCredentials, results.VectorDatabaseCredentials),
    ],
)
def test_a_result_has_the_keys_of_the_official_one(theirs: Any, ours: Any) -> None:
    assert {*theirs.__annotations__} <= {*get_type_hints(ours)}


def test_code_of_the_official_client_needs_another_import_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PUMPHOUSE_URL", "PUMPHOUSE_TOKEN", "CRAFT_AI_SDK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with CraftAiSdk(
        "a-token", "http://pump.test/", "http://control.test", False, False
    ) as positional:
        assert positional.base_environment_api_url == "http://pump.test/api/v1"
        assert positional.base_control_api_url == "http://pump.test/api/v1"
        assert positional.record_metric_value("accuracy", 1.0) is False
    with pytest.raises(ValueError, match="CRAFT_AI_SDK_TOKEN") as refused:
        CraftAiSdk(environment_url="http://pump.test")
    assert isinstance(refused.value, InvalidParameters)
