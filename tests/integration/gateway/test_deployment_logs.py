"""What pods have written, as the API shows it: a gateway and a registry on one bus."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.definitions import (
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
)
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.pods import PodLogged
from pumphouse.contracts.vocabulary import Mode
from pumphouse.gateway.app import running
from pumphouse.registry.app import running as running_registry
from pumphouse.registry.settings import Settings as RegistrySettings
from tests.integration.gateway.conftest import settings_with
from tests.integration.registry import things
from tests.servers.postgres import fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "the-sdk-token-of-the-tests"
BEGIN_MS = round(things.NOW.timestamp() * 1000)


@dataclass
class Platform:
    http: httpx.AsyncClient
    bus: Bus
    deployment: Deployment

    async def logs(self, **period: Any) -> httpx.Response:
        return await self.http.post(f"/api/v1/deployments/{self.deployment.name}/logs", json=period)

    async def write(self, *texts: str) -> None:
        """Let a pod write lines a second apart, and return when they are shown."""
        lines = tuple(
            LogLine(at=things.NOW + timedelta(seconds=number), stream="stdout", text=text)
            for number, text in enumerate(texts)
        )
        said = PodLogged(deployment_id=self.deployment.id, pod_id="pod-1", position=0, lines=lines)
        await self.bus.publish(said)

        async def are_shown() -> bool:
            return len((await self.logs()).json()) == len(texts)

        await things.eventually(are_shown)


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@asynccontextmanager
async def _serving(database_url: str, store_url: str, mode: Mode) -> AsyncIterator[Platform]:
    settings = RegistrySettings(database_url=database_url, s3_url=store_url, admin_token=TOKEN)
    async with (
        open_bus(None, "tests") as bus,
        running_registry(settings, bus),
        running(settings_with(store_url), bus) as served,
        httpx.AsyncClient(base_url=served.url, timeout=30) as http,
    ):
        refreshed = await http.post("/api/v1/auth/refresh", json={"refresh_token": TOKEN})
        http.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"
        pipeline = things.pipeline()
        deployment = things.deployment(pipeline, "served", mode=mode)
        await bus.request(PipelineSubmitted(pipeline=pipeline))
        await bus.request(DeploymentSubmitted(deployment=deployment))
        yield Platform(http, bus, deployment)
        await bus.request(PipelineDiscarded(pipeline_id=pipeline.id, with_deployments=True))


@pytest_asyncio.fixture(loop_scope="session")
async def platform(database_url: str, store_url: str) -> AsyncIterator[Platform]:
    """With one low latency deployment."""
    async with _serving(database_url, store_url, Mode.LOW_LATENCY) as serving:
        yield serving


async def test_lines_are_flat_and_name_their_pod(platform: Platform) -> None:
    assert (await platform.logs()).json() == []
    await platform.write("loading", "ready")
    assert (await platform.logs()).json()[0] == {
        "timestamp": "2026-11-23T12:00:00Z",
        "message": "loading",
        "stream": "stdout",
        "pod_id": "pod-1",
        "type": "deployment",
    }


async def test_a_period_has_both_its_ends_and_a_limit(platform: Platform) -> None:
    await platform.write(*"abcde")
    period = {"from": BEGIN_MS + 1000, "to": BEGIN_MS + 3000}
    assert [line["message"] for line in (await platform.logs(**period)).json()] == ["b", "c", "d"]
    limited = await platform.logs(**period, limit=1)
    assert [line["message"] for line in limited.json()] == ["b"]
    empty = await platform.http.post("/api/v1/deployments/served/logs")
    assert len(empty.json()) == 5


async def test_bad_questions_are_refused_and_unknown_names_not_found(platform: Platform) -> None:
    for body in ({"limit": -1}, {"from": "yesterday"}, {"to": 10**30}):
        answer = await platform.logs(**body)
        assert 400 <= answer.status_code < 500, answer.text
    nobody = await platform.http.post("/api/v1/deployments/nobody/logs", json={})
    assert nobody.status_code == 404
    signed_out = {"Authorization": ""}
    refused = await platform.http.post(
        "/api/v1/deployments/served/logs", json={}, headers=signed_out
    )
    assert refused.status_code == 401


async def test_an_elastic_deployment_has_none(database_url: str, store_url: str) -> None:
    async with _serving(database_url, store_url, Mode.ELASTIC) as platform:
        answer = await platform.logs()
        assert (answer.status_code, answer.json()) == (200, [])
