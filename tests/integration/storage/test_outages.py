"""A store that is killed in the middle of a transfer, and started again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pumphouse.errors import Unavailable
from pumphouse.storage import PART_BYTES, Bucket, Storage, open_storage
from tests.integration.storage.streams import MIB, abort_all, content_of, keys
from tests.servers.object_store import OwnStore


@pytest.fixture
async def own_storage(own_store: OwnStore) -> AsyncIterator[Storage]:
    url = urlsplit(own_store.url)._replace(path="/outages").geturl()
    async with open_storage(url) as storage:
        yield storage


@pytest.fixture
def own_bucket(own_storage: Storage) -> Bucket:
    return own_storage.data


@pytest.mark.parametrize("parts", [0, 1, 4])
async def test_nothing_is_visible_of_a_stream_that_the_store_did_not_survive(
    own_store: OwnStore, own_bucket: Bucket, parts: int
) -> None:
    await own_bucket.put("old", b"old")

    async def killing() -> AsyncIterator[bytes]:
        for _ in range(parts):
            yield content_of(PART_BYTES)
        own_store.kill()
        for _ in range(4):
            yield content_of(MIB)

    for key in ("old", "new"):
        with pytest.raises(Unavailable, match="The object store does not answer"):
            await own_bucket.put_stream(key, killing())
        own_store.start()
        assert await own_bucket.get("old") == b"old"
        assert await keys(own_bucket) == ["old"]
    await abort_all(own_bucket)
    assert await abort_all(own_bucket) == 0


async def test_no_file_is_left_of_an_object_that_the_store_did_not_survive(
    own_store: OwnStore, own_bucket: Bucket, tmp_path: Path
) -> None:
    content = content_of(64 * MIB)
    (tmp_path / "in").write_bytes(content)
    await own_bucket.put_file("key", tmp_path / "in", len(content))
    target = tmp_path / "out"
    getting = asyncio.create_task(own_bucket.get_file("key", target))
    async with asyncio.timeout(60):
        while True:
            if target.exists() and target.stat().st_size:
                break
            await asyncio.sleep(0)
    own_store.kill()
    with pytest.raises(Unavailable):
        await getting
    assert not target.exists()
    own_store.start()
    assert await own_bucket.get_file("key", target) == len(content)
    assert target.read_bytes() == content


async def test_a_store_that_is_down_is_said_to_be_and_found_again_when_it_is_back(
    own_store: OwnStore, own_bucket: Bucket
) -> None:
    await own_bucket.put("key", b"content")
    own_store.kill()

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    for asked in (
        own_bucket.put("other", b"content"),
        own_bucket.put_stream("other", nothing()),
        own_bucket.get("key"),
        own_bucket.info("key"),
        own_bucket.delete("key"),
        own_bucket.page(),
        own_bucket.delete_below("key"),
        own_bucket.begin_upload("key"),
        abort_all(own_bucket),
    ):
        with pytest.raises(Unavailable, match="The object store does not answer"):
            await asked
    own_store.start()
    assert await asyncio.gather(*(own_bucket.get("key") for _ in range(20))) == [b"content"] * 20
    assert await keys(own_bucket) == ["key"]
