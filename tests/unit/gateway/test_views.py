"""What the HTTP API shows."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from pumphouse.contracts.catalog import (
    Code,
    Deployment,
    Pipeline,
    PipelineInput,
    PipelineOutput,
    Pod,
)
from pumphouse.contracts.executions import PlannedInput, ProducedOutput
from pumphouse.contracts.mappings import (
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    InputMapping,
    Mapping,
    OutputMapping,
    RunOutput,
)
from pumphouse.contracts.records import ExecutionDescribed, ExecutionSummary
from pumphouse.contracts.vocabulary import (
    DataType,
    DeploymentStatus,
    Mode,
    Origin,
    PipelineStatus,
    Rule,
    Status,
)
from pumphouse.gateway.caller_names import caller_types, exposed_outputs
from pumphouse.gateway.deployment_views import show_deployment
from pumphouse.gateway.execution_views import show_execution, show_outputs
from pumphouse.gateway.pipeline_views import show_pipeline

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PIPELINE = Pipeline(
    id="pipeline-id",
    name="add",
    code=Code(archive="add.tgz", function_path="main.py", function_name="main"),
    inputs=(PipelineInput(name="a", data_type=DataType.NUMBER, default=0),),
    outputs=(PipelineOutput(name="sum", data_type=DataType.NUMBER, description="all"),),
    created_at=NOW,
    created_by="someone",
)
DEPLOYMENT = Deployment(
    id="deployment-id",
    name="fast",
    pipeline_id="pipeline-id",
    rule=Rule.ENDPOINT,
    mode=Mode.LOW_LATENCY,
    mapping=Mapping(
        inputs=(InputMapping(input="a", source=EndpointValue(name="x")),),
        outputs=(OutputMapping(output="sum", destination=EndpointOutput(name="total")),),
    ),
    status=DeploymentStatus.UP,
    pods=(Pod(id="pod-id", status=DeploymentStatus.UP),),
    endpoint_url_path="fast",
    endpoint_token="sealed",
    created_at=NOW,
    created_by="someone",
    updated_at=NOW,
    updated_by="someone",
)
RUNNING = ExecutionSummary(
    id="execution-id",
    status=Status.RUNNING,
    origin=Origin.RUN,
    pipeline_id="pipeline-id",
    created_at=NOW,
    created_by="someone",
)
VARIABLE = PlannedInput(
    name="a",
    data_type=DataType.NUMBER,
    source=EnvironmentVariable(name="A"),
    sealed="6",
)


def unsealed(sealed: str) -> str:
    return sealed if sealed.isdigit() else f"opened {sealed}"


def produced(destination: RunOutput | EndpointOutput | Dropped, value: object) -> ProducedOutput:
    return ProducedOutput(
        name="sum", data_type=DataType.NUMBER, destination=destination, value=value
    )


def written(shown: msgspec.Struct) -> Any:
    """What a client reads."""
    return msgspec.json.decode(msgspec.json.encode(shown))


def test_a_default_of_zero_is_shown_and_what_is_absent_is_not() -> None:
    parameters = written(show_pipeline(PIPELINE))["parameters"]

    assert parameters["inputs"] == [{"name": "a", "data_type": "number", "default_value": 0}]
    assert parameters["outputs"] == [{"name": "sum", "data_type": "number", "description": "all"}]


def test_only_a_pipeline_that_could_not_be_created_says_why() -> None:
    failed = msgspec.structs.replace(
        PIPELINE, status=PipelineStatus.FAILED, status_message="no such version"
    )
    assert written(show_pipeline(failed))["creation_info"]["status_message"] == "no such version"
    assert "status_message" not in written(show_pipeline(PIPELINE))["creation_info"]


def test_a_pipeline_from_a_repository_shows_its_commit_and_never_its_key() -> None:
    container = {"repository_url": "git@host:x", "repository_branch": "main", "language": None}
    from_repository = msgspec.structs.replace(
        PIPELINE, container=container, commit_id="c0ffee", deploy_key="sealed"
    )
    shown = written(show_pipeline(from_repository))
    assert shown["parameters"]["container_config"] == container
    assert shown["creation_info"]["commit_id"] == "c0ffee"
    assert shown["creation_info"]["origin"] == "git_repository"
    assert "deploy_key" not in str(shown)
    assert "sealed" not in str(shown)

    described = ExecutionDescribed(execution=RUNNING)
    [step] = written(show_execution(described, from_repository, None, unsealed))["steps"]
    assert step["commit_id"] == "c0ffee"
    assert step["repository_url"] == "git@host:x"
    assert step["repository_branch"] == "main"
    assert step["origin"] == "git_repository"

    for pipeline in (PIPELINE, None):
        [step] = written(show_execution(described, pipeline, None, unsealed))["steps"]
        assert (step["commit_id"], step["repository_url"], step["origin"]) == (None, None, "local")


def test_a_low_latency_endpoint_shows_token_and_pods() -> None:
    shown = written(show_deployment(DEPLOYMENT, PIPELINE, unsealed))

    assert shown["endpoint_token"] == "opened sealed"
    assert shown["pods"] == [{"pod_id": "pod-id", "status": "up"}]
    assert shown["enable_parallel_executions"] is False
    assert "max_parallel_executions_per_pod" not in shown
    assert shown["replicas"] == 1
    assert "schedule" not in shown
    assert caller_types(DEPLOYMENT, PIPELINE) == {"x": DataType.NUMBER}


def test_values_are_shown_once_they_are_there() -> None:
    described = ExecutionDescribed(
        execution=RUNNING, inputs=(VARIABLE,), outputs=(produced(RunOutput(name="sum"), None),)
    )
    shown = written(show_execution(described, PIPELINE, None, unsealed))

    assert "value" not in shown["inputs"][0]
    assert "value" not in shown["outputs"][0]
    assert shown["inputs"][0]["mapping_value"] == {"environment_variable_name": "A"}
    assert shown["outputs"][0]["mapping_value"] == {"run_output_name": "sum"}


def test_the_value_of_a_variable_is_of_the_type_of_the_input() -> None:
    started = ExecutionSummary(
        **{name: getattr(RUNNING, name) for name in RUNNING.__struct_fields__} | {"started_at": NOW}
    )
    described = ExecutionDescribed(execution=started, inputs=(VARIABLE,))

    shown = written(show_execution(described, PIPELINE, None, unsealed))

    assert shown["inputs"][0]["value"] == 6


def test_callers_of_an_endpoint_get_what_is_named_for_them() -> None:
    outputs = (
        produced(EndpointOutput(name="total"), 5),
        produced(Dropped(), 6),
        produced(EndpointOutput(name="none"), None),
    )

    assert exposed_outputs(outputs) == {"total": outputs[0], "none": outputs[2]}
    assert "value" not in written(show_outputs(outputs))["outputs"][1]


def test_files_are_shown_without_a_value() -> None:
    ended = msgspec.structs.replace(RUNNING, status=Status.SUCCEEDED, started_at=NOW)
    source = PlannedInput(name="a", data_type=DataType.FILE, source=EnvironmentVariable(name="A"))
    copy = msgspec.structs.replace(produced(RunOutput(name="sum"), None), data_type=DataType.FILE)
    described = ExecutionDescribed(execution=ended, inputs=(source,), outputs=(copy,))

    shown = written(show_execution(described, PIPELINE, None, unsealed))

    assert shown["inputs"][0]["data_type"] == "file"
    assert "value" not in shown["inputs"][0]
    assert "value" not in shown["outputs"][0]
    assert "value" not in written(show_outputs((copy,)))["outputs"][0]
