"""Deployments of both rules over HTTP."""

from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONSTANTS = [
    {"pipeline_input_name": "a", "constant_value": 1},
    {"pipeline_input_name": "b", "constant_value": 2},
]
DROPPED = [{"pipeline_output_name": "sum", "is_null": True}]
PERIODIC = {
    "name": "tick",
    "pipeline_name": "add",
    "schedule": "* * * * *",
    "inputs_mapping": CONSTANTS,
    "outputs_mapping": DROPPED,
}


async def test_an_endpoint_is_shown_with_its_whole_mapping(gateway: Gateway) -> None:
    created = await gateway.endpoint(inputs_mapping=CONSTANTS[:1], description="adds")

    assert created == (await gateway.http.get("/api/v1/deployments/add")).json()
    assert created["status"] == "up"
    assert created["is_enabled"] is True
    assert created["endpoint_url_path"] == "add"
    assert len(created["endpoint_token"]) >= 32
    assert [
        {key: item[key] for key in item if key not in ("description", "data_type")}
        for item in created["inputs_mapping"]
    ] == [
        {"pipeline_input_name": "a", "constant_value": 1},
        {"pipeline_input_name": "b", "endpoint_input_name": "b"},
    ]
    assert created["outputs_mapping"][0]["endpoint_output_name"] == "sum"
    assert "schedule" not in created
    assert "pods" not in created


async def test_a_periodic_deployment_says_when_in_english(gateway: Gateway) -> None:
    await gateway.pipeline()
    created = await gateway.http.post("/api/v1/periodic-deployment", json=PERIODIC)

    assert created.status_code == 201, created.text
    assert created.json()["human_readable_schedule"] == "Every minute"
    assert "endpoint_token" not in created.json()
    listed = (await gateway.http.get("/api/v1/deployments")).json()
    assert [(row["name"], row["execution_rule"]) for row in listed] == [("tick", "periodic")]
    deleted = await gateway.http.delete("/api/v1/deployments/tick")
    assert deleted.json() == {"name": "tick", "execution_rule": "periodic"}


@pytest.mark.parametrize(
    ("changed", "status", "named"),
    [
        ({"name": "no spaces"}, 400, "'no spaces'"),
        ({"name": 3}, 400, "name"),
        ({"pipeline_name": "nope"}, 404, "'nope'"),
        ({"endpoint_token": "short"}, 400, "endpoint_token"),
        ({"enable_parallel_executions": True}, 400, "enable_parallel_executions"),
        ({"inputs_mapping": [CONSTANTS[0] | {"constant_value": "six"}]}, 400, "'a'"),
        ({"inputs_mapping": [CONSTANTS[0] | {"pipeline_input_name": "z"}]}, 400, "'z'"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(
    gateway: Gateway, changed: dict[str, Any], status: int, named: str
) -> None:
    await gateway.pipeline()
    body = {"name": "add", "pipeline_name": "add"} | changed

    answer = await gateway.http.post("/api/v1/endpoints", json=body)

    assert answer.status_code == status, answer.text
    assert named in answer.json()["message"]
    assert (await gateway.http.get("/api/v1/deployments")).json() == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"schedule": None}, "schedule"),
        ({"schedule": "61 * * * *"}, "61"),
        ({"inputs_mapping": CONSTANTS[:1]}, "'b'"),
    ],
)
async def test_a_periodic_deployment_that_cannot_be_is_refused(
    gateway: Gateway, changed: dict[str, Any], named: str
) -> None:
    await gateway.pipeline()

    answer = await gateway.http.post("/api/v1/periodic-deployment", json=PERIODIC | changed)

    assert answer.status_code == 400, answer.text
    assert named in answer.json()["message"]
    assert (await gateway.http.get("/api/v1/deployments")).json() == []


async def test_a_taken_name_is_refused_and_nothing_changes(gateway: Gateway) -> None:
    first = await gateway.endpoint()

    body = {"name": "add", "pipeline_name": "add", "description": "another"}
    second = await gateway.http.post("/api/v1/endpoints", json=body)

    assert second.status_code == 409
    assert (await gateway.http.get("/api/v1/deployments/add")).json() == first


async def test_an_unknown_deployment_is_not_found_anywhere(gateway: Gateway) -> None:
    for method, path, body in (
        ("GET", "deployments/nope", None),
        ("GET", "deployments/nope?wait_for_completion=true", None),
        ("GET", "deployments/nope/executions/latest", None),
        ("PATCH", "deployments/nope", {"is_enabled": True}),
        ("DELETE", "deployments/nope", None),
        ("POST", "deployments/nope/executions", {}),
        ("POST", "deployments/nope/logs", {}),
        ("POST", "endpoints/nope/generate-new-token", None),
    ):
        answer = await gateway.http.request(method, f"/api/v1/{path}", json=body)
        assert answer.status_code == 404, path


async def test_a_constant_changes_and_the_rest_stays(gateway: Gateway) -> None:
    deployment = await gateway.endpoint(inputs_mapping=CONSTANTS)

    updated = await gateway.http.patch(
        "/api/v1/deployments/add",
        json={"inputs_mapping": [CONSTANTS[0] | {"constant_value": 40}]},
    )

    assert updated.status_code == 200, updated.text
    assert updated.json()["updated_at"] > deployment["updated_at"]
    assert (await gateway.call(deployment)).json()["output"] == {"sum": 42}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"is_enabled": True, "schedule": "* * * * *"},
        {"is_enabled": "yes"},
        {"schedule": "* * * * *"},
        {"inputs_mapping": [{"pipeline_input_name": "a", "is_null": True}]},
        {"inputs_mapping": [{"pipeline_input_name": "a", "constant_value": "six"}]},
        {"inputs_mapping": [{"pipeline_input_name": "b", "endpoint_input_name": "other"}]},
        {"inputs_mapping": [{"pipeline_input_name": "z", "constant_value": 1}]},
        {"inputs_mapping": [{"pipeline_input_name": "a", "datastore_path": "in"}]},
        {"outputs_mapping": DROPPED},
        {"outputs_mapping": [{"pipeline_output_name": "sum", "datastore_path": "out"}]},
        [],
    ],
)
async def test_an_update_that_cannot_be_is_refused(gateway: Gateway, body: Any) -> None:
    before = await gateway.endpoint(inputs_mapping=CONSTANTS[:1])

    answer = await gateway.http.patch("/api/v1/deployments/add", json=body)

    assert answer.status_code == 400, answer.text
    assert (await gateway.http.get("/api/v1/deployments/add")).json() == before


async def test_the_path_of_an_output_changes_and_the_rest_stays(gateway: Gateway) -> None:
    await gateway.pipeline("filing", **{"outputs[0][data_type]": "file"})
    path = {"pipeline_output_name": "sum", "datastore_path": "sums/{date}.txt"}
    body = {"name": "filing", "pipeline_name": "filing", "outputs_mapping": [path]}
    created = (await gateway.http.post("/api/v1/endpoints", json=body)).json()

    other = path | {"datastore_path": "sums/{execution_id}.txt"}
    updated = await gateway.http.patch(
        "/api/v1/deployments/filing", json={"outputs_mapping": [other]}
    )

    assert updated.status_code == 200, updated.text
    assert updated.json()["outputs_mapping"] == [created["outputs_mapping"][0] | other]
    assert updated.json()["inputs_mapping"] == created["inputs_mapping"]


async def test_what_has_never_run_has_no_latest_execution(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()

    for path in ("pipelines/add", "deployments/add"):
        answer = await gateway.http.get(f"/api/v1/{path}/executions/latest")
        assert (answer.status_code, answer.json()) == (200, None)
    called = (await gateway.call(deployment, json={"a": 1})).json()
    for path in ("pipelines/add", "deployments/add"):
        answer = await gateway.http.get(f"/api/v1/{path}/executions/latest")
        assert answer.json() == {"execution_id": called["execution_id"]}


async def test_a_schedule_changes_unless_it_is_invalid(gateway: Gateway) -> None:
    await gateway.pipeline()
    await gateway.http.post("/api/v1/periodic-deployment", json=PERIODIC)
    path = "/api/v1/deployments/tick"

    assert (await gateway.http.patch(path, json={"schedule": "nope"})).status_code == 400
    changed = await gateway.http.patch(path, json={"schedule": "0 0 1 * *"})

    assert changed.json()["schedule"] == "0 0 1 * *"
    assert (await gateway.http.post(f"{path}/executions", json={})).status_code == 400


async def test_a_pending_deployment_is_waited_for_and_shown_whole(gateway: Gateway) -> None:
    created = await gateway.endpoint(mode="low_latency")

    waited = await gateway.http.get("/api/v1/deployments/add?wait_for_completion=true")

    assert created["status"] == waited.json()["status"] == "creation_pending"
    assert waited.json()["pods"] == []
    assert waited.json()["enable_parallel_executions"] is False
