"""Creating, reading, changing and deleting deployments."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pumphouse.sdk import (
    DEPLOYMENT_EXECUTION_RULES,
    DEPLOYMENT_MODES,
    CreationFailed,
    InputSource,
    InvalidParameters,
    OutputDestination,
    PumphouseSdk,
    TimedOut,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok

ENDPOINTS = "POST /api/v1/endpoints"
PERIODIC = "POST /api/v1/periodic-deployment"
READ = "GET /api/v1/deployments/add"
UPDATE = "PATCH /api/v1/deployments/add"


def described(status: str = "up") -> dict[str, Any]:
    return {"id": "1", "name": "add", "status": status, "pipeline": {"id": "2", "name": "adder"}}


@pytest.fixture(autouse=True)
def _deployment(platform: FakePlatform) -> None:
    for route in (ENDPOINTS, PERIODIC, UPDATE):
        platform.on(route, ok({}))
    platform.on(READ, ok(described()))
    platform.on("GET /api/v1/deployments/add/executions/latest", ok({"execution_id": "e1"}))


def test_an_endpoint_sends_what_was_given_and_no_more(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    sdk.create_deployment(
        "adder",
        "add",
        DEPLOYMENT_EXECUTION_RULES.ENDPOINT,
        DEPLOYMENT_MODES.LOW_LATENCY,
        endpoint_url_path="sum",
        endpoint_token="a-long-secret",
        inputs_mapping=[InputSource("number1", constant_value=0)],
        outputs_mapping=[OutputDestination("number3", is_null=True)],
        execution_timeout_s=9,
    )
    (request,) = platform.asked(ENDPOINTS)
    assert body_of(request) == {
        "pipeline_name": "adder",
        "name": "add",
        "mode": "low_latency",
        "endpoint_url_path": "sum",
        "endpoint_token": "a-long-secret",
        "inputs_mapping": [{"pipeline_input_name": "number1", "constant_value": 0}],
        "outputs_mapping": [{"pipeline_output_name": "number3", "is_null": True}],
        "execution_timeout_s": 9,
    }


def test_a_periodic_deployment_has_its_own_route(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    sdk.create_deployment("adder", "add", "periodic", schedule="* * * * *")
    (request,) = platform.asked(PERIODIC)
    assert body_of(request) == {
        "pipeline_name": "adder",
        "name": "add",
        "mode": "elastic",
        "schedule": "* * * * *",
    }


@pytest.mark.parametrize(
    ("rule", "more", "message"),
    [
        ("hourly", {}, "'execution_rule' must be 'endpoint' or 'periodic', not 'hourly'"),
        ("endpoint", {"mode": "fast"}, "'mode' must be 'elastic' or 'low_latency', not 'fast'"),
        ("endpoint", {"schedule": "* * * * *"}, "'schedule' goes with execution_rule 'periodic'"),
        ("periodic", {"endpoint_url_path": "a"}, "'endpoint_url_path' goes with"),
        ("periodic", {"endpoint_token": "secret"}, "'endpoint_token' goes with"),
        ("endpoint", {"inputs_mapping": [{}]}, "InputSource objects"),
        ("endpoint", {"outputs_mapping": [InputSource("a")]}, "OutputDestination objects"),
        ("endpoint", {"timeout_s": 0}, "'timeout_s'"),
        ("endpoint", {"inputs_mapping": [InputSource("a", constant_value=1j)]}, "as JSON"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_sent(
    sdk: PumphouseSdk, platform: FakePlatform, rule: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParameters, match=message):
        sdk.create_deployment("adder", "add", rule, **more)
    assert platform.requests == []


@pytest.mark.parametrize("status", ["up", "disabled", "standby"])
def test_creation_waits_until_the_deployment_has_settled(
    sdk: PumphouseSdk, platform: FakePlatform, status: str
) -> None:
    platform.on(
        READ,
        ok(described("creation_pending")),
        ok(described("down_retrying")),
        ok(described(status)),
    )
    shown: Any = {
        "name": "add",
        "status": status,
        "pipeline": {"name": "adder"},
        "last_execution_id": "e1",
    }
    assert sdk.create_deployment("adder", "add", "endpoint") == shown
    assert len(platform.asked(READ)) == 3


def test_a_failed_creation_is_an_error(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(READ, ok(described("creation_failed")))
    with pytest.raises(CreationFailed, match="'add' could not be made ready"):
        sdk.create_deployment("adder", "add", "endpoint")


def test_a_wait_that_takes_too_long_times_out(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(READ, ok(described("creation_pending")))
    with pytest.raises(TimedOut):
        sdk.get_deployment("add", wait_for_completion=True, timeout_s=0.1)


def test_reading_does_not_wait_unless_asked(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(READ, ok(described("creation_pending")))
    assert sdk.get_deployment("add")["status"] == "creation_pending"


def test_a_deployment_that_never_ran_has_no_last_execution(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on("GET /api/v1/deployments/add/executions/latest", httpx.Response(204))
    assert sdk.get_deployment("add")["last_execution_id"] is None


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"is_enabled": False}, {"is_enabled": False}),
        ({"schedule": "0 * * * *"}, {"schedule": "0 * * * *"}),
        (
            {"inputs_mapping": [InputSource("number1", constant_value=5)]},
            {"inputs_mapping": [{"pipeline_input_name": "number1", "constant_value": 5}]},
        ),
    ],
)
def test_an_update_sends_only_the_change(
    sdk: PumphouseSdk, platform: FakePlatform, changes: dict[str, Any], sent: dict[str, Any]
) -> None:
    sdk.update_deployment("add", **changes)
    (request,) = platform.asked(UPDATE)
    assert body_of(request) == sent


@pytest.mark.parametrize(
    ("token", "body"), [(None, b""), ("new-secret", b"endpoint_token=new-secret")]
)
def test_a_new_endpoint_token_is_given_or_made(
    sdk: PumphouseSdk, platform: FakePlatform, token: str | None, body: bytes
) -> None:
    route = "POST /api/v1/endpoints/add/generate-new-token"
    platform.on(route, ok({"endpoint_token": "fresh"}))
    assert sdk.generate_new_endpoint_token("add", token) == {"endpoint_token": "fresh"}
    assert platform.asked(route)[0].content == body


def test_the_logs_of_a_deployment_are_read_by_interval(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    route = "POST /api/v1/deployments/add/logs"
    line = {"timestamp": "2024-01-01T00:00:00Z", "message": "loaded", "stream": "stdout"}
    lines = [{**line, "pod_id": "p1", "type": "deployment"}]
    platform.on(route, ok(lines))
    assert sdk.get_deployment_logs("add") == lines
    sdk.get_deployment_logs("add", datetime(2024, 1, 1, tzinfo=UTC), limit=10)
    assert [body_of(request) for request in platform.asked(route)] == [
        {},
        {"from": 1_704_067_200_000, "limit": 10},
    ]
