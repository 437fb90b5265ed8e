"""From the body that creates a deployment to the deployment."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pumphouse.contracts.catalog import Code, Deployment, Pipeline, PipelineInput, PipelineOutput
from pumphouse.contracts.mappings import Constant, EndpointOutput, EndpointValue
from pumphouse.contracts.vocabulary import DataType, DeploymentStatus, Mode, Rule
from pumphouse.errors import Invalid, NotSupported, PumphouseError
from pumphouse.gateway.documents import read_as
from pumphouse.gateway.orders import DeploymentOrder, check_order, deployment_for
from pumphouse.sealing import Sealer

SEALER = Sealer("0123456789abcdef0123456789abcdef")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ADD = Pipeline(
    id="add-id",
    name="add",
    code=Code(archive="add.tgz", function_path="main.py", function_name="main"),
    inputs=tuple(PipelineInput(name=name, data_type=DataType.NUMBER) for name in "ab"),
    outputs=(PipelineOutput(name="sum", data_type=DataType.NUMBER),),
    created_at=NOW,
    created_by="someone",
)
CONSTANTS = [
    {"pipeline_input_name": "a", "constant_value": 0},
    {"pipeline_input_name": "b", "constant_value": 2},
]
PARALLEL = {"mode": "low_latency", "enable_parallel_executions": True}
PERIODIC = {
    "schedule": "* * * * *",
    "inputs_mapping": CONSTANTS,
    "outputs_mapping": [{"pipeline_output_name": "sum", "is_null": True}],
}


def made(rule: Rule, **fields: Any) -> Deployment:
    body = msgspec.json.encode({"name": "add", "pipeline_name": "add"} | fields)
    order = read_as(DeploymentOrder, body, "The body")
    check_order(order, rule)
    return deployment_for(order, rule, ADD, SEALER, "someone", NOW)


def test_an_endpoint_maps_the_rest_itself_and_has_a_token() -> None:
    deployment = made(Rule.ENDPOINT, inputs_mapping=CONSTANTS[:1])

    assert [item.source for item in deployment.mapping.inputs] == [
        Constant(value=0),
        EndpointValue(name="b"),
    ]
    assert deployment.mapping.outputs[0].destination == EndpointOutput(name="sum")
    assert deployment.status is DeploymentStatus.UP
    assert deployment.endpoint_url_path == "add"
    token = SEALER.open(deployment.endpoint_token or "")
    assert deployment.endpoint_token_fingerprint == SEALER.fingerprint(token)


def test_a_pipeline_with_a_dockerfile_is_deployed_as_elastic_only() -> None:
    code = Code(archive="a", function_path="", function_name="", dockerfile="Dockerfile")
    container = msgspec.structs.replace(ADD, code=code)
    orders = [
        DeploymentOrder(name="add", pipeline_name="add", mode=mode)
        for mode in (Mode.ELASTIC, Mode.LOW_LATENCY)
    ]
    deployment_for(orders[0], Rule.ENDPOINT, container, SEALER, "someone", NOW)
    with pytest.raises(Invalid, match=r"has a Dockerfile.*'elastic' only"):
        deployment_for(orders[1], Rule.ENDPOINT, container, SEALER, "someone", NOW)


def test_a_low_latency_deployment_begins_as_pending() -> None:
    deployment = made(Rule.ENDPOINT, mode="low_latency", endpoint_token="my-own-token")

    assert deployment.status is DeploymentStatus.PENDING
    assert SEALER.open(deployment.endpoint_token or "") == "my-own-token"


@pytest.mark.parametrize(
    ("given", "expected"), [({}, 6), ({"max_parallel_executions_per_pod": 3}, 3)]
)
def test_a_parallel_deployment_has_a_limit(given: dict[str, int], expected: int) -> None:
    deployment = made(Rule.ENDPOINT, **PARALLEL, **given)

    assert deployment.enable_parallel_executions
    assert deployment.max_parallel_executions_per_pod == expected


def test_a_deployment_is_not_parallel_by_itself() -> None:
    for wish in ({}, {"enable_parallel_executions": False}):
        deployment = made(Rule.ENDPOINT, mode="low_latency", **wish)

        assert not deployment.enable_parallel_executions
        assert deployment.max_parallel_executions_per_pod is None


@pytest.mark.parametrize(("given", "expected"), [({}, 1), ({"replicas": 32}, 32)])
def test_a_low_latency_deployment_has_one_pod_or_as_many_as_are_asked_for(
    given: dict[str, int], expected: int
) -> None:
    for wish in ({"mode": "low_latency"}, PARALLEL):
        assert made(Rule.ENDPOINT, **wish, **given).replicas == expected


def test_a_periodic_deployment_has_a_schedule_and_no_token() -> None:
    deployment = made(Rule.PERIODIC, **PERIODIC)

    assert deployment.schedule == "* * * * *"
    assert deployment.endpoint_token is None
    assert deployment.endpoint_url_path is None


ENDPOINTS: list[tuple[dict[str, Any], type[PumphouseError], str]] = [
    ({"name": "no spaces"}, Invalid, "'no spaces'"),
    ({"name": "nul\0"}, Invalid, "name"),
    ({"name": 3}, Invalid, "name"),
    ({"name": None}, Invalid, "name"),
    ({"name": "v1"}, Invalid, "'v1'"),
    ({"endpoint_url_path": "a/b"}, Invalid, "'a/b'"),
    ({"endpoint_url_path": ""}, Invalid, "path"),
    ({"endpoint_token": "short"}, Invalid, "endpoint_token"),
    ({"endpoint_token": "with space"}, Invalid, "endpoint_token"),
    ({"mode": "fast"}, Invalid, "mode"),
    ({"description": ["x"]}, Invalid, "description"),
    ({"schedule": "* * * * *"}, Invalid, "schedule"),
    ({"enable_parallel_executions": True}, Invalid, "mode 'low_latency'"),
    (PARALLEL | {"max_parallel_executions_per_pod": 0}, Invalid, "between 1 and 1,000"),
    (PARALLEL | {"max_parallel_executions_per_pod": 1001}, Invalid, "between 1 and 1,000"),
    (PARALLEL | {"max_parallel_executions_per_pod": 2.5}, Invalid, "max_parallel_executions"),
    ({"mode": "low_latency", "max_parallel_executions_per_pod": 2}, Invalid, "goes with"),
    ({"max_parallel_executions_per_pod": 2}, Invalid, "max_parallel_executions_per_pod"),
    ({"replicas": 2}, Invalid, "mode 'low_latency'"),
    ({"mode": "low_latency", "replicas": 0}, Invalid, "between 1 and 32"),
    ({"mode": "low_latency", "replicas": 33}, Invalid, "between 1 and 32"),
    ({"mode": "low_latency", "replicas": True}, Invalid, "replicas"),
    ({"gpu_request": 1}, NotSupported, "GPU"),
    ({"ram_request": "lots"}, Invalid, "ram_request"),
    ({"ram_request": "0MiB"}, Invalid, "ram_request"),
    ({"ram_request": "15MiB"}, Invalid, "16MiB or more"),
    ({"execution_timeout_s": 0}, Invalid, "execution_timeout_s"),
    ({"execution_timeout_s": 10**30}, Invalid, "execution_timeout_s"),
    ({"execution_timeout_s": 1.5}, Invalid, "execution_timeout_s"),
    ({"inputs_mapping": "a"}, Invalid, "inputs_mapping"),
    ({"inputs_mapping": {"a": 1}}, Invalid, "inputs_mapping"),
    ({"inputs_mapping": [1]}, Invalid, "inputs_mapping"),
    ({"inputs_mapping": [{}]}, Invalid, "pipeline_input_name"),
    ({"inputs_mapping": [{"pipeline_input_name": "a"}]}, Invalid, "'a'"),
    ({"inputs_mapping": [{"pipeline_input_name": "a", "is_null": False}]}, Invalid, "'a'"),
    ({"inputs_mapping": [CONSTANTS[0] | {"is_null": True}]}, Invalid, "'a'"),
    ({"inputs_mapping": [CONSTANTS[0] | {"is_required": True}]}, Invalid, "is_required"),
    ({"inputs_mapping": [CONSTANTS[0], CONSTANTS[0]]}, Invalid, "'a'"),
    ({"inputs_mapping": [CONSTANTS[0] | {"constant_value": "six"}]}, Invalid, "'a'"),
    ({"inputs_mapping": [CONSTANTS[0] | {"pipeline_input_name": "z"}]}, Invalid, "'z'"),
    ({"inputs_mapping": [CONSTANTS[0] | {"typo": 1}]}, Invalid, "typo"),
    ({"inputs_mapping": [{"pipeline_input_name": "a", "datastore_path": "x"}]}, Invalid, "'a'"),
    ({"outputs_mapping": [{"pipeline_output_name": "z", "is_null": True}]}, Invalid, "'z'"),
    ({"outputs_mapping": [{"pipeline_output_name": "sum"}]}, Invalid, "'sum'"),
]


@pytest.mark.parametrize(("changed", "kind", "named"), ENDPOINTS, ids=range(len(ENDPOINTS)))
def test_an_endpoint_that_cannot_be_is_refused(
    changed: dict[str, Any], kind: type[PumphouseError], named: str
) -> None:
    with pytest.raises(kind, match=re.escape(named)):
        made(Rule.ENDPOINT, **changed)


PERIODICS: list[tuple[dict[str, Any], str]] = [
    ({"schedule": None}, "schedule"),
    ({"schedule": ""}, "schedule"),
    ({"schedule": "every minute"}, "every minute"),
    ({"schedule": "61 * * * *"}, "61"),
    ({"schedule": "* * * * * *"}, "fields"),
    ({"schedule": 5}, "schedule"),
    ({"endpoint_url_path": "x"}, "endpoint_url_path"),
    ({"endpoint_token": "long-enough"}, "endpoint_token"),
    ({"inputs_mapping": CONSTANTS[:1]}, "'b'"),
    ({"inputs_mapping": None}, "'a'"),
    ({"outputs_mapping": None}, "'sum'"),
    (
        {
            "inputs_mapping": [
                {"pipeline_input_name": "a", "endpoint_input_name": "x"},
                CONSTANTS[1],
            ]
        },
        "'a'",
    ),
]


@pytest.mark.parametrize(("changed", "named"), PERIODICS, ids=range(len(PERIODICS)))
def test_a_periodic_deployment_that_cannot_be_is_refused(
    changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(named)):
        made(Rule.PERIODIC, **PERIODIC | changed)
