"""A gateway with a real registry behind it, on one bus."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import DeploymentSubmitted, PipelineSubmitted
from pumphouse.gateway import app
from pumphouse.registry.app import running
from tests.integration.gateway.conftest import settings_with
from tests.integration.registry import things
from tests.servers.object_store import fresh_store
from tests.servers.postgres import fresh_database

SINGLE = "/api/v1/metrics/single-value"
LISTS = "/api/v1/metrics/list-values"
RESOURCES = "/api/v1/resource-metrics"


@dataclass(frozen=True)
class Served:
    """http: signed in to a gateway, with a registry behind it."""

    http: httpx.AsyncClient
    bus: Bus

    async def define(self) -> tuple[Pipeline, Deployment]:
        """A pipeline of a new name, and a deployment of the same name."""
        pipeline = things.pipeline(f"p-{things.new_id()}")
        deployment = things.deployment(pipeline, pipeline.name)
        await self.bus.request(PipelineSubmitted(pipeline=pipeline))
        await self.bus.request(DeploymentSubmitted(deployment=deployment))
        return pipeline, deployment

    async def execution(self, of: Pipeline, **other: Any) -> str:
        trigger = things.trigger(of, **other)
        await self.bus.publish(trigger)
        return trigger.execution_id

    async def record(self, execution_id: str, name: str, value: float) -> httpx.Response:
        body = {"value": value, "execution_id": execution_id}
        return await self.http.put(f"{SINGLE}/{name}", json=body)

    async def extend(self, execution_id: str, name: str, values: list[float]) -> httpx.Response:
        body = {"values": values, "execution_id": execution_id}
        return await self.http.post(f"{LISTS}/{name}", json=body)

    async def show(self, address: str, **query: Any) -> dict[str, Any]:
        """The answer; query: filters by name, and the page."""
        paging = ("page", "items_per_page")
        params = {k if k in paging else f"filters[{k}]": v for k, v in query.items()}
        reply = await self.http.get(address, params=params)
        assert reply.status_code == 200, reply.text
        shown: dict[str, Any] = reply.json()
        return shown


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def store_url(s3_url: str) -> Iterator[str]:
    with fresh_store(s3_url) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(database_url: str, store_url: str) -> AsyncIterator[Served]:
    registry = things.settings(database_url, store_url)
    async with (
        open_bus(None, "tests") as bus,
        running(registry, bus),
        app.running(settings_with(store_url), bus) as listening,
        httpx.AsyncClient(base_url=listening.url, timeout=60) as http,
    ):
        token = {"refresh_token": registry.admin_token}
        refreshed = await http.post("/api/v1/auth/refresh", json=token)
        http.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"
        yield Served(http, bus)
