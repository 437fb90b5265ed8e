"""What a program in a web page of another site may do."""

from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.test_endpoints import slow

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORIGIN = {"Origin": "https://example.org"}
EXECUTION = "01957a3a-5b1c-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/endpoints/add"),
        ("GET", f"/endpoints/add/executions/{EXECUTION}"),
        ("POST", f"/endpoints/add/executions/{EXECUTION}"),
        ("GET", f"/endpoints/v1/add/executions/{EXECUTION}"),
        ("GET", f"/endpoints/v1/add/executions/{EXECUTION}/outputs/report"),
        ("POST", "/api/v1/auth/refresh"),
        ("GET", "/api/v1/environment-info"),
        ("GET", "/api/v1/users/me"),
        ("POST", "/api/v1/pipelines"),
        ("PUT", "/api/v1/environment-variables"),
        ("PATCH", "/api/v1/deployments/add"),
        ("DELETE", "/api/v1/deployments/add"),
        ("PUT", "/api/v1/metrics/single-value/accuracy"),
    ],
)
async def test_a_browser_is_told_that_it_may(gateway: Gateway, method: str, path: str) -> None:
    asked = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,craft-ai-client",
    }
    answer = await gateway.plain.options(path, headers=ORIGIN | asked)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-methods"].split(", ")
    assert method in allowed or "*" in allowed
    for header in ("authorization", "content-type", "craft-ai-client"):
        assert header in answer.headers["access-control-allow-headers"]


async def test_a_page_follows_a_slow_call_to_its_outputs(gateway: Gateway) -> None:
    gateway.executor.function = slow(2.5)
    deployment = await gateway.endpoint()

    answer = await gateway.call(deployment, json={"a": 7}, headers=ORIGIN)
    statuses = [answer.status_code]
    while answer.is_redirect:
        location = answer.headers["location"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert location.startswith("/"), "a browser drops the credentials on the way to a host"
        answer = await gateway.plain.get(location, headers=ORIGIN)
        statuses.append(answer.status_code)

    assert statuses == [303, 307, 200]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Craft-Ai-Execution-Id" in answer.headers["access-control-expose-headers"]
    assert answer.json()["output"] == {"sum": 7}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/endpoints/add", {"Authorization": "EndpointToken wrong-token"}, 401),
        ("/endpoints/none", {}, 404),
        ("/api/v1/pipelines", {}, 401),
        ("/nowhere", {}, 404),
    ],
)
async def test_a_page_can_read_why_it_was_refused(
    gateway: Gateway, path: str, headers: Any, status: int
) -> None:
    await gateway.endpoint()

    answer = await gateway.plain.post(path, json={"a": 1}, headers=ORIGIN | headers)

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["message"]
