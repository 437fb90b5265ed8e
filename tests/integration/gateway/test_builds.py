"""Pipelines that need an environment: a gateway and a registry, and an executor of a few lines."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pumphouse.bus import Bus, Envelope, open_bus
from pumphouse.bus.topology import BUILDS
from pumphouse.contracts.builds import BuildFinished, BuildLogged, BuildRequested
from pumphouse.contracts.catalog import Environment
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.gateway.app import running
from pumphouse.registry.app import running as running_registry
from pumphouse.registry.settings import Settings as RegistrySettings
from tests.integration.gateway.conftest import ADD, archive_of, settings_with
from tests.servers.postgres import fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "the-sdk-token-of-the-tests"
REQUIREMENTS = {"container_config[requirements_path]": "app/requirements.txt"}
ENDPOINT = {"name": "add", "pipeline_name": "add"}
BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REASON = "No solution found: there is no version of no-such-thing"


class Builder:
    """Says what it does, and ends each build when the test says how.

    begun: ids of the pipelines whose builds it has begun.
    """

    def __init__(self, bus: Bus) -> None:
        self.begun: list[str] = []
        self._bus = bus
        self._ends: dict[str, asyncio.Future[str | None]] = {}

    async def requested(self, wish: BuildRequested, _: Envelope) -> None:
        self.begun.append(wish.pipeline_id)
        lines = tuple(
            LogLine(at=BEGIN + timedelta(seconds=number), stream="stdout", text=text)
            for number, text in enumerate(("reading", "locking", "installing"))
        )
        await self._bus.publish(BuildLogged(pipeline_id=wish.pipeline_id, position=0, lines=lines))
        message = await self._end_of(wish.pipeline_id)
        await self._bus.publish(
            BuildFinished(
                pipeline_id=wish.pipeline_id,
                status=PipelineStatus.READY if message is None else PipelineStatus.FAILED,
                environment=Environment(id="e1", python="3.12") if message is None else None,
                message=message,
            )
        )

    def end(self, pipeline_id: str, message: str | None = None) -> None:
        """Let a build succeed, or fail with a message."""
        self._end_of(pipeline_id).set_result(message)

    def end_all(self) -> None:
        for end in self._ends.values():
            if not end.done():
                end.set_result(None)

    def _end_of(self, pipeline_id: str) -> asyncio.Future[str | None]:
        if pipeline_id not in self._ends:
            self._ends[pipeline_id] = asyncio.get_running_loop().create_future()
        return self._ends[pipeline_id]


@dataclass
class Platform:
    http: httpx.AsyncClient
    builder: Builder

    async def create(self, name: str = "add", **fields: str) -> httpx.Response:
        """A pipeline of one number; fields: of the form, by default with requirements."""
        form = {
            "pipeline_name": name,
            "function_path": "app/main.py",
            "function_name": "main",
            "inputs[0][name]": "a",
            "inputs[0][data_type]": "number",
            **(fields or REQUIREMENTS),
        }
        archive = archive_of({"app/main.py": ADD, "app/requirements.txt": "humanize==4.9.0"})
        return await self.http.post(
            "/api/v1/pipelines", data=form, files={"step_file": ("step_file", archive)}
        )

    async def created(self, name: str = "add", **fields: str) -> str:
        """The id of a new pipeline."""
        answer = await self.create(name, **fields)
        assert answer.status_code == 201, answer.text
        identifier: str = answer.json()["creation_info"]["id"]
        return identifier

    async def info(self, name: str = "add", *, wait: bool = False) -> dict[str, Any]:
        query = {"wait_for_completion": "true"} if wait else {}
        answer = await self.http.get(f"/api/v1/pipelines/{name}", params=query)
        info: dict[str, Any] = answer.json()["creation_info"]
        return info

    async def settled(self, name: str = "add") -> dict[str, Any]:
        """Ask as clients do: again, as long as it is pending."""
        async with asyncio.timeout(60):
            while (info := await self.info(name, wait=True))["status"] == "creation_pending":
                pass
        return info

    async def logs(self, **period: int) -> httpx.Response:
        return await self.http.post("/api/v1/pipelines/add/logs", json=period)


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@asynccontextmanager
async def _serving(database_url: str, store_url: str) -> AsyncIterator[Platform]:
    settings = RegistrySettings(database_url=database_url, s3_url=store_url, admin_token=TOKEN)
    async with (
        open_bus(None, "tests") as bus,
        running_registry(settings, bus),
        running(settings_with(store_url), bus) as served,
        httpx.AsyncClient(base_url=served.url, timeout=60) as http,
    ):
        builder = Builder(bus)
        await bus.consume(BUILDS, {BuildRequested: builder.requested})
        refreshed = await http.post("/api/v1/auth/refresh", json={"refresh_token": TOKEN})
        http.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"
        try:
            yield Platform(http, builder)
        finally:
            builder.end_all()


@pytest_asyncio.fixture(loop_scope="session")
async def platform(database_url: str, store_url: str) -> AsyncIterator[Platform]:
    """A platform without pipelines."""
    async with _serving(database_url, store_url) as serving:
        yield serving
        for row in (await serving.http.get("/api/v1/pipelines")).json():
            await serving.http.delete(f"/api/v1/pipelines/{row['pipeline_name']}")


async def test_a_pipeline_with_requirements_is_pending_until_it_is_built(
    platform: Platform,
) -> None:
    created = await platform.create(
        **REQUIREMENTS | {"container_config[language]": "python:3.12-slim"}
    )
    shown = created.json()
    assert created.status_code == 201, created.text
    assert shown["creation_info"]["status"] == "creation_pending"
    assert shown["parameters"]["container_config"] == {
        "language": "python:3.12-slim",
        "included_folders": None,
        "requirements_path": "app/requirements.txt",
        "system_dependencies": None,
        "dockerfile_path": None,
    }
    listed = (await platform.http.get("/api/v1/pipelines")).json()
    assert [row["status"] for row in listed] == ["creation_pending"]

    platform.builder.end(shown["creation_info"]["id"])
    info = await platform.settled()
    assert info["status"] == "ready"
    assert "status_message" not in info
    assert (await platform.http.post("/api/v1/endpoints", json=ENDPOINT)).status_code == 201
    await platform.http.delete("/api/v1/deployments/add")


async def test_a_request_that_waits_is_answered_by_the_end_of_the_build(
    platform: Platform,
) -> None:
    identifier = await platform.created()
    waiting = asyncio.create_task(platform.info(wait=True))
    platform.builder.end(identifier)
    assert (await waiting)["status"] == "ready"


async def test_a_wait_that_is_over_shows_the_whole_pending_pipeline(platform: Platform) -> None:
    await platform.created()
    answer = await platform.http.get("/api/v1/pipelines/add?wait_for_completion=true")
    assert answer.status_code == 200
    assert answer.json()["creation_info"]["status"] == "creation_pending"
    assert answer.json()["parameters"]["inputs"] == [{"name": "a", "data_type": "number"}]


@pytest.mark.parametrize(
    "fields",
    [
        {"container_config[language]": "python:3.12-slim"},
        {"container_config[language]": "python-cuda:3.12-12.1"},
        {"container_config[system_dependencies][0]": "libgomp1"},
    ],
)
async def test_a_language_or_system_packages_need_a_build_as_well(
    platform: Platform, fields: dict[str, str]
) -> None:
    identifier = await platform.created(**fields)
    assert (await platform.info())["status"] == "creation_pending"
    platform.builder.end(identifier)
    assert (await platform.settled())["status"] == "ready"


async def test_a_pipeline_that_needs_nothing_is_ready_at_once_and_has_no_log(
    platform: Platform,
) -> None:
    created = await platform.create(**{"container_config[requirements_path]": ""})
    assert created.json()["creation_info"]["status"] == "ready"
    assert (await platform.logs()).json() == []
    assert platform.builder.begun == []


async def test_a_failed_build_says_why(platform: Platform) -> None:
    platform.builder.end(await platform.created(), REASON)
    info = await platform.settled()
    assert (info["status"], info["status_message"]) == ("creation_failed", REASON)
    again = await platform.create()
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("message", "said"), [(None, "is not ready yet"), (REASON, f"could not be created: {REASON}")]
)
async def test_nothing_is_started_or_deployed_before_a_pipeline_is_ready(
    platform: Platform, message: str | None, said: str
) -> None:
    identifier = await platform.created()
    if message is not None:
        platform.builder.end(identifier, message)
        await platform.settled()
    periodic = {**ENDPOINT, "schedule": "0 0 1 * *"}
    for answer in (
        await platform.http.post("/api/v1/pipelines/add/run", data={"json_inputs": '{"a": 1}'}),
        await platform.http.post("/api/v1/endpoints", json=ENDPOINT),
        await platform.http.post("/api/v1/periodic-deployment", json=periodic),
    ):
        assert answer.status_code == 409, answer.text
        assert f"Pipeline 'add' {said}" in answer.json()["message"]
    assert (await platform.http.get("/api/v1/deployments")).json() == []
    assert (await platform.http.get("/api/v1/pipelines/add/executions")).json() == []


async def test_the_log_of_a_build_is_a_flat_list_of_the_lines_asked_for(
    platform: Platform,
) -> None:
    platform.builder.end(await platform.created())
    await platform.settled()
    begin = int(BEGIN.timestamp() * 1000)
    assert (await platform.logs(limit=1)).json() == [
        {"timestamp": "2026-11-23T12:00:00Z", "message": "reading"}
    ]
    periods: list[tuple[dict[str, int], list[str]]] = [
        ({}, ["reading", "locking", "installing"]),
        ({"from": begin + 1000}, ["locking", "installing"]),
        ({"to": begin + 1000}, ["reading", "locking"]),
        ({"from": begin + 1, "limit": 1}, ["locking"]),
        ({"from": begin + 60_000}, []),
    ]
    for period, expected in periods:
        shown = (await platform.logs(**period)).json()
        assert [line["message"] for line in shown] == expected, period
    assert (await platform.logs(limit=-1)).status_code == 400


async def test_a_pipeline_is_deleted_while_it_is_built_and_its_name_is_free_again(
    platform: Platform,
) -> None:
    first = await platform.created()
    deleted = await platform.http.delete("/api/v1/pipelines/add")
    assert deleted.status_code == 200
    assert (await platform.http.get("/api/v1/pipelines/add")).status_code == 404

    second = await platform.created()
    platform.builder.end(first, REASON)
    platform.builder.end(second)
    assert (await platform.settled())["status"] == "ready"


async def test_a_wait_ends_when_the_pipeline_is_deleted(platform: Platform) -> None:
    await platform.created()
    path = "/api/v1/pipelines/add"
    waiting = asyncio.create_task(platform.http.get(f"{path}?wait_for_completion=true"))
    await platform.http.delete(path)
    assert (await waiting).status_code == 404
