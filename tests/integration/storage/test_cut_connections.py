"""What the real store makes of clients that vanish in the middle of a body."""

import asyncio
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from pumphouse.storage import Bucket
from pumphouse.storage.address import parse_store_url
from pumphouse.storage.signing import Signer
from tests.integration.storage.streams import abort_all, keys

_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"


async def _cut(url: str, *, promised: int, sent: int, reset: bool) -> bytes:
    """PUT `sent` bytes of the promised ones, and go; what the store says to it, if anything."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    writer.write(f"{head}Content-Length: {promised}\r\n\r\n".encode() + bytes(sent))
    await writer.drain()
    if reset:
        held: socket.socket = writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    else:
        writer.write_eof()
        said = await asyncio.wait_for(reader.read(1000), 60)
    writer.close()
    return b"" if reset else said


@pytest.fixture
def signer(store_url: str) -> Signer:
    address = parse_store_url(store_url)
    return Signer(address, address.origin)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("promised", "sent"), [(1000, 500), (20_000_000, 10_000_000)])
async def test_nothing_becomes_visible_of_a_body_that_is_cut(
    bucket: Bucket, signer: Signer, promised: int, sent: int, reset: bool
) -> None:
    await bucket.put("old", b"old")
    for key in ("old", "new"):
        url = signer.object_url("PUT", bucket.name, key)
        said = await _cut(url, promised=promised, sent=sent, reset=reset)
        assert not said.startswith(b"HTTP/1.1 2")
    assert await bucket.get("old") == b"old"
    assert await keys(bucket) == ["old"]
    assert await abort_all(bucket) == 0


@pytest.mark.parametrize("reset", [False, True])
async def test_a_part_that_is_cut_is_none(bucket: Bucket, reset: bool) -> None:
    upload_id = await bucket.begin_upload("key")
    url = bucket.part_url("key", upload_id, 1)
    await _cut(url, promised=20_000_000, sent=10_000_000, reset=reset)
    assert await bucket.uploaded_parts("key", upload_id) == ()


async def test_a_part_on_its_way_does_not_bring_an_aborted_upload_back(bucket: Bucket) -> None:
    upload_id = await bucket.begin_upload("key")
    reached = asyncio.Event()
    go_on = asyncio.Event()

    async def part() -> AsyncIterator[bytes]:
        yield bytes(1_000_000)
        reached.set()
        await go_on.wait()
        yield b"end"

    async with httpx.AsyncClient() as client:
        url = bucket.part_url("key", upload_id, 1)
        sending = asyncio.create_task(
            client.put(url, content=part(), headers={"Content-Length": "1000003"})
        )
        await reached.wait()
        await bucket.abort_upload("key", upload_id)
        go_on.set()
        assert (await sending).status_code == 404
    assert await abort_all(bucket) == 0
