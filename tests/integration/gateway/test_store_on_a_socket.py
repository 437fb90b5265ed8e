"""Clients of a platform whose object store listens on a Unix socket alone."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pumphouse.launcher.object_server import object_server
from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.storing import PART_BYTES, Upload, link, upload
from tests.networks import needs_own_network

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_own_network]

CONTENT = bytes(range(256)) * 4096


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway() -> AsyncIterator[Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="pumphouse-store-") as folder,
        object_server(Path(folder), "pass/word") as server,
    ):
        server.wait_until_ready()
        async with serving_gateway(server.url_of("data")) as serving:
            yield serving


async def test_an_object_goes_in_and_out(gateway: Gateway) -> None:
    stored = await upload(gateway, "a b/é.bin", CONTENT)
    url = await link(gateway, "a b/é.bin")
    part = await gateway.plain.get(url, headers={"Range": "bytes=1-3"})

    assert stored.status_code in (200, 201, 204), stored.text
    assert url.startswith(f"{gateway.url}/store/data/")
    assert (await gateway.plain.get(url)).content == CONTENT
    assert part.content == b"\1\2\3"


async def test_an_object_goes_in_by_parts(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    parts = []
    for number, content in enumerate((b"a" * PART_BYTES, b"bc"), start=1):
        announced = await ongoing.announce(number, size=PART_BYTES + 2)
        sent = await gateway.plain.put(announced.json()["signed_url"], content=content)
        assert sent.status_code == 200, sent.text
        parts.append({"number": number, "metadata": sent.headers["ETag"]})

    ended = await ongoing.end(parts)

    assert ended.status_code == 200, ended.text
    assert await gateway.storage.data.get("big") == b"a" * PART_BYTES + b"bc"


async def test_a_link_is_good_for_what_was_signed_alone(gateway: Gateway) -> None:
    await gateway.storage.data.put("mine", b"content")
    url = await link(gateway, "mine")

    for wrong in (url.replace("/mine?", "/other?"), url[:-4] + "0000"):
        answer = await gateway.plain.get(wrong)
        assert answer.status_code == 403
        assert "SignatureDoesNotMatch" in answer.text
    assert (await gateway.plain.put(url, content=b"new")).status_code == 403
    assert (await gateway.plain.get(url)).content == b"content"
