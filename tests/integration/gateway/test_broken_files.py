"""Files that break off, and a store that goes away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pumphouse.storage import PART_BYTES, Reading
from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.executing import Kept
from tests.integration.gateway.filing import (
    MULTIPART,
    SDK,
    body_of,
    endpoint,
    kept_files,
    pipeline,
    run,
)
from tests.servers.object_store import OwnStore, client_of, own_object_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"content"
DOC = 'name="doc"; filename="a.bin"'


async def same(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"copy": inputs["doc"]}


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.02)


async def test_an_upload_that_is_cut_off_leaves_nothing_behind(
    gateway: Gateway, store_url: str
) -> None:
    deployment = await endpoint(gateway)
    bucket = gateway.storage.platform.name
    client = client_of(store_url)
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = body_of((DOC, bytes(6 * PART_BYTES)))
    head = (
        f"POST /endpoints/files HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: EndpointToken {deployment['endpoint_token']}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n"
    )

    writer.write(head.encode() + body[: 4 * PART_BYTES])
    await writer.drain()
    await until(lambda: bool(client._list_multipart_uploads(bucket).uploads))
    writer.transport.abort()
    await until(lambda: not client._list_multipart_uploads(bucket).uploads)

    assert await kept_files(gateway) == []
    assert gateway.registry.triggers == {}


async def test_a_large_form_without_its_last_boundary_leaves_nothing_behind(
    gateway: Gateway, store_url: str
) -> None:
    deployment = await endpoint(gateway)
    body = body_of((DOC, bytes(3 * PART_BYTES)))[:-10]

    answer = await gateway.call(deployment, content=body, headers=MULTIPART)

    assert answer.status_code == 400
    assert await kept_files(gateway) == []
    uploads = client_of(store_url)._list_multipart_uploads(gateway.storage.platform.name).uploads
    assert not uploads


@pytest_asyncio.fixture(loop_scope="session")
async def breakable() -> AsyncIterator[tuple[Gateway, OwnStore]]:
    """A gateway on a store of its own."""
    with own_object_store() as store:
        async with serving_gateway(f"{store.url}/broken") as gateway:
            yield gateway, store


async def test_what_needs_the_store_says_so_while_it_is_down(
    breakable: tuple[Gateway, OwnStore],
) -> None:
    gateway, store = breakable
    deployment = await endpoint(gateway, {"copy": "file", "note": "string"})

    async def mixed(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"copy": inputs["doc"], "note": Kept("large") if inputs["doc"] else "small"}

    gateway.executor.function = mixed
    called = await gateway.call(deployment, files={"doc": CONTENT}, headers=SDK)
    result = called.headers["location"]
    identifier = called.json()["execution_id"]
    url = (await gateway.plain.get(result)).json()["output"]["copy"]["url"]
    url = f"{url}?token={deployment['endpoint_token']}"
    path = f"/api/v1/executions/{identifier}"
    pages = [path, f"{path}/inputs/doc", f"{path}/outputs/note", f"{path}/outputs", result, url]

    await asyncio.to_thread(store.kill)
    refused = [
        await gateway.call(deployment, files={"doc": CONTENT}),
        *[await gateway.http.get(page) for page in pages],
    ]
    without_files = await gateway.call(deployment, json={"note": "x"})
    await asyncio.to_thread(store.start)
    again = [await gateway.http.get(page) for page in pages]

    for answer in refused:
        assert answer.status_code == 503, answer.url
        assert "object store" in answer.json()["message"]
        assert answer.headers["retry-after"]
    assert without_files.json()["output"] == {"copy": {"url": None}, "note": "small"}
    assert {answer.status_code for answer in again} == {200}
    assert len(gateway.registry.triggers) == 2


async def test_a_call_whose_output_is_out_of_reach_is_told_where_it_will_be(
    breakable: tuple[Gateway, OwnStore],
) -> None:
    gateway, store = breakable
    deployment = await endpoint(gateway)

    async def lose_the_store(inputs: dict[str, Any]) -> dict[str, Any]:
        await asyncio.to_thread(store.kill)
        return {"copy": inputs["doc"]}

    gateway.executor.function, gateway.executor.reads_files = lose_the_store, False

    called = await gateway.call(deployment, files={"doc": CONTENT})
    await asyncio.to_thread(store.start)
    result = await gateway.plain.get(called.headers["location"])

    assert called.status_code == 303
    assert result.content == CONTENT
    assert len(gateway.registry.triggers) == 1


async def test_a_download_that_the_store_breaks_off_does_not_look_whole(
    breakable: tuple[Gateway, OwnStore],
) -> None:
    gateway, store = breakable
    await pipeline(gateway)
    gateway.executor.function, gateway.executor.reads_files = same, False
    identifier = await run(gateway, files={"doc": bytes(64 * 1024 * 1024)})
    received = 0

    async def read_slowly() -> None:
        nonlocal received
        async with gateway.http.stream(
            "GET", f"/api/v1/executions/{identifier}/outputs/copy"
        ) as answer:
            assert answer.status_code == 200
            async for chunk in answer.aiter_raw():
                if not received:
                    await asyncio.to_thread(store.kill)
                received += len(chunk)

    with pytest.raises(httpx.TransportError):
        await read_slowly()
    assert 0 < received < 64 * 1024 * 1024


async def test_a_client_that_leaves_a_download_ends_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 64 * 1024 * 1024
    read, ended = 0, asyncio.Event()
    whole = Reading.chunks

    async def counted(reading: Reading) -> AsyncIterator[bytes]:
        nonlocal read
        try:
            async for chunk in whole(reading):
                read += len(chunk)
                yield chunk
        finally:
            ended.set()

    await pipeline(gateway)
    gateway.executor.function, gateway.executor.reads_files = same, False
    identifier = await run(gateway, files={"doc": bytes(size)})
    monkeypatch.setattr(Reading, "chunks", counted)

    async with gateway.http.stream(
        "GET", f"/api/v1/executions/{identifier}/outputs/copy"
    ) as answer:
        await anext(answer.aiter_raw())
    await asyncio.wait_for(ended.wait(), 60)

    assert 0 < read < size
