"""What the gateway answers while the object store is down, and after that."""

import asyncio
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio

from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.storing import (
    API,
    Upload,
    deletion,
    information,
    link,
    upload,
)
from tests.servers.object_store import OwnStore, fresh_store, own_object_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

LARGE = "x" * 70_000
TEXTS = {"inputs[0][data_type]": "string", "inputs[1][data_type]": "string"}


@pytest_asyncio.fixture(loop_scope="session")
async def outage() -> AsyncIterator[tuple[Gateway, OwnStore]]:
    """A gateway with a store of its own, to be killed."""
    with own_object_store() as store, fresh_store(store.url) as url:
        async with serving_gateway(url, s3_relay=True) as gateway:
            yield gateway, store
        if not store.is_running:
            await asyncio.to_thread(store.start)


def check_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert "object store" in answer.json()["message"]
    assert answer.headers["Retry-After"]


async def test_what_needs_the_store_is_unavailable_while_it_is_down_and_works_after_that(
    outage: tuple[Gateway, OwnStore],
) -> None:
    gateway, store = outage
    await upload(gateway, "a", b"content")
    signed = await link(gateway, "a")
    ongoing = await Upload(gateway, "big").begin()
    await ongoing.announce(1, size=3)
    await gateway.pipeline(**TEXTS)
    large = {
        "name": "large",
        "pipeline_name": "add",
        "inputs_mapping": [{"pipeline_input_name": "a", "constant_value": LARGE}],
    }
    await asyncio.to_thread(store.kill)

    target = {"path_to_object": "a"}
    for answer in (
        await information(gateway, "a"),
        await gateway.http.get(f"{API}/list"),
        await gateway.http.get(f"{API}/upload", params=target),
        await gateway.http.post(f"{API}/upload/multipart", json=target),
        await ongoing.announce(2, size=3),
        await ongoing.end([{"number": 1}]),
        await gateway.http.post(f"{API}/download", data=target),
        await deletion(gateway, "a"),
        await gateway.pipeline("another"),
        await gateway.http.get("/api/v1/pipelines/add/download"),
        await gateway.http.post("/api/v1/endpoints", json=large),
    ):
        check_unavailable(answer)
    through = await gateway.plain.get(signed)
    assert through.status_code == 503
    assert ElementTree.fromstring(through.content).findtext("Code") == "ServiceUnavailable"
    small = large | {"name": "small", "inputs_mapping": None}
    assert (await gateway.http.post("/api/v1/endpoints", json=small)).status_code == 201
    assert (await gateway.plain.get("/healthz")).status_code == 200
    listed = (await gateway.http.get("/api/v1/pipelines")).json()
    assert [row["pipeline_name"] for row in listed] == ["add"]

    await asyncio.to_thread(store.start)

    assert (await gateway.plain.get(signed)).content == b"content"
    part = await ongoing.send(1, b"abc", size=3)
    assert (await ongoing.end([part])).status_code == 200
    assert (await gateway.http.post("/api/v1/endpoints", json=large)).status_code == 201
    assert (await gateway.pipeline("another")).status_code == 201
    listed = (await gateway.http.get(f"{API}/list")).json()["items"]
    assert sorted(item["path"] for item in listed) == ["a", "big"]
