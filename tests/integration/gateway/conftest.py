"""A gateway that listens, the fakes behind it, and a client that has signed in."""

import io
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from pumphouse.bus import Bus, open_bus
from pumphouse.gateway.app import running
from pumphouse.gateway.settings import Settings
from pumphouse.storage import Storage, open_storage
from tests.integration.gateway.executing import FakeExecutor
from tests.integration.gateway.platform import SDK_TOKEN, FakeRegistry, rest_of_platform
from tests.servers.object_store import fresh_store

ADD = "def main(a, b):\n    return {'sum': a + b}\n"


def archive_of(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@dataclass
class Gateway:
    """url: of the listening gateway. http: signed in. plain: without any credentials.

    storage: the store that the gateway uses, for looking into it.
    """

    url: str
    http: httpx.AsyncClient
    plain: httpx.AsyncClient
    registry: FakeRegistry
    executor: FakeExecutor
    storage: Storage

    async def stored(self) -> list[str]:
        """The keys of all that the platform keeps for itself."""
        return [found.key for found in (await self.storage.platform.page()).objects]

    async def sign_in(self) -> None:
        refreshed = await self.plain.post("/api/v1/auth/refresh", json={"refresh_token": SDK_TOKEN})
        self.http.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"

    async def pipeline(self, name: str = "add", **fields: str) -> httpx.Response:
        form = {
            "pipeline_name": name,
            "function_path": "main.py",
            "function_name": "main",
            "inputs[0][name]": "a",
            "inputs[0][data_type]": "number",
            "inputs[0][is_required]": "True",
            "inputs[1][name]": "b",
            "inputs[1][data_type]": "number",
            "outputs[0][name]": "sum",
            "outputs[0][data_type]": "number",
            **fields,
        }
        files = {"step_file": ("step_file", archive_of({"main.py": ADD}))}
        return await self.http.post("/api/v1/pipelines", data=form, files=files)

    async def endpoint(self, name: str = "add", **fields: Any) -> dict[str, Any]:
        """The deployment object of a new endpoint on the pipeline `add`."""
        await self.pipeline()
        body = {"name": name, "pipeline_name": "add", **fields}
        created = await self.http.post("/api/v1/endpoints", json=body)
        assert created.status_code == 201, created.text
        shown: dict[str, Any] = created.json()
        return shown

    async def call(self, deployment: dict[str, Any], **kwargs: Any) -> httpx.Response:
        """Call an endpoint as curl does."""
        headers = {"Authorization": f"EndpointToken {deployment['endpoint_token']}"}
        headers |= kwargs.pop("headers", {})
        path = f"/endpoints/{deployment['endpoint_url_path']}"
        return await self.plain.post(path, headers=headers, **kwargs)


@pytest_asyncio.fixture(loop_scope="session")
async def bus() -> AsyncIterator[Bus]:
    async with open_bus(None, "tests") as opened:
        yield opened


def settings_with(s3_url: str, **others: Any) -> Settings:
    settings = Settings(
        port=0,
        secret_key="0123456789abcdef0123456789abcdef",
        s3_url=s3_url,
        hold_s=1.0,
        result_hold_s=1.0,
        definition_hold_s=0.5,
        reply_patience_s=2.0,
        stop_s=2,
    )
    return msgspec.structs.replace(settings, **others)


@asynccontextmanager
async def serving_gateway(s3_url: str, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway over its own bus, fakes and store; settings: fields of Settings."""
    async with (
        open_bus(None, "tests") as bus,
        rest_of_platform(bus) as (registry, executor),
        running(settings_with(s3_url, **settings), bus) as served,
        open_storage(s3_url) as storage,
        httpx.AsyncClient(base_url=served.url, timeout=60) as plain,
        httpx.AsyncClient(base_url=served.url, timeout=60) as http,
    ):
        executor.storage = storage
        signed_in = Gateway(served.url, http, plain, registry, executor, storage)
        await signed_in.sign_in()
        yield signed_in


@pytest.fixture(scope="session")
def store_url(s3_url: str) -> Iterator[str]:
    """URL of the buckets of the tests of this folder."""
    with fresh_store(s3_url) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_gateway(store_url: str) -> AsyncIterator[Gateway]:
    async with serving_gateway(store_url) as serving:
        yield serving


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(shared_gateway: Gateway) -> Gateway:
    """A gateway on which nothing is defined, nothing has run and nothing is stored."""
    shared_gateway.registry.clear()
    shared_gateway.executor.clear()
    await shared_gateway.storage.platform.delete_below("")
    await shared_gateway.storage.data.delete_below("")
    return shared_gateway
