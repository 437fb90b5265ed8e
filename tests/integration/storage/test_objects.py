import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumphouse.errors import Invalid, NotFound
from pumphouse.storage import PART_BYTES, Bucket, Storage
from tests.integration.storage.streams import MIB, abort_all, content_of, keys, stream

STRANGE_KEYS = [
    "plain",
    "a folder/with a space",
    "plus+percent%20hash#question?ampersand&equals=",
    "quotes'\"<>|*:;,@$!()[]{}^`~",
    "été/日本語/😀.txt",
    ".hidden/..two/...",
    "a" * 200 + "/" + "b" * 200,
]


@pytest.mark.parametrize("key", STRANGE_KEYS)
async def test_any_text_is_a_key(bucket: Bucket, key: str) -> None:
    await bucket.put(key, b"content")
    assert await bucket.get(key) == b"content"
    assert (await bucket.info(key)).key == key
    assert await keys(bucket) == [key]
    await bucket.delete(key)
    assert await keys(bucket) == []


async def test_an_object_is_replaced_and_deleted(bucket: Bucket) -> None:
    await bucket.put("key", b"first")
    await bucket.put("key", b"second, longer")
    assert await bucket.get("key") == b"second, longer"
    await bucket.delete("key")
    await bucket.delete("key")
    with pytest.raises(NotFound):
        await bucket.get("key")


async def test_an_object_tells_its_size_and_when_it_was_stored(bucket: Bucket) -> None:
    await bucket.put("key", b"12345")
    info = await bucket.info("key")
    assert info.size == 5
    assert abs(datetime.now(UTC) - info.modified_at) < timedelta(seconds=30)


async def test_the_two_buckets_share_no_keys(storage: Storage) -> None:
    await storage.platform.put("key", b"the platform's")
    assert await keys(storage.data) == []
    assert await keys(storage.platform) == ["key"]


SIZES = [0, 1, MIB, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 30 * MIB]


@pytest.mark.parametrize("size", SIZES)
async def test_a_stream_of_unknown_length_is_stored_whole(bucket: Bucket, size: int) -> None:
    content = content_of(size)
    assert await bucket.put_stream("key", stream(content, 700_001)) == size
    assert (await bucket.info("key")).size == size
    assert await bucket.get("key") == content


@pytest.mark.parametrize("size", [0, 1, 32 * MIB, 32 * MIB + 1])
async def test_a_file_goes_in_and_out_whole(bucket: Bucket, size: int, tmp_path: Path) -> None:
    content = content_of(size)
    (tmp_path / "in").write_bytes(content)
    await bucket.put_file("key", tmp_path / "in", size)
    assert await bucket.get_file("key", tmp_path / "out") == size
    assert (tmp_path / "out").read_bytes() == content


async def test_an_open_file_is_stored_from_where_it_stands(bucket: Bucket) -> None:
    file = io.BytesIO(b"header and content and more")
    file.seek(11)
    await bucket.put_file("key", file, 7)
    assert await bucket.get("key") == b"content"


async def test_an_object_can_be_read_as_it_comes(bucket: Bucket) -> None:
    content = content_of(3 * MIB)
    await bucket.put("key", content)
    async with bucket.reading("key") as reading:
        assert reading.size == len(content)
        assert b"".join([chunk async for chunk in reading.chunks()]) == content


async def test_reading_may_end_early(bucket: Bucket) -> None:
    await bucket.put("key", content_of(20 * MIB))
    for _ in range(3):
        async with bucket.reading("key") as reading:
            assert await anext(reading.chunks())
    assert len(await bucket.get("key")) == 20 * MIB


@pytest.mark.parametrize("method", ["get", "info"])
async def test_a_key_that_is_not_there_is_named(bucket: Bucket, method: str) -> None:
    with pytest.raises(NotFound, match="'not/there'"):
        await getattr(bucket, method)("not/there")


async def test_no_file_is_left_of_an_object_that_is_not_there(
    bucket: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        await bucket.get_file("not/there", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_was_there_is_not_written_over(bucket: Bucket, tmp_path: Path) -> None:
    await bucket.put("key", b"new")
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        await bucket.get_file("key", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"old"


@pytest.mark.parametrize("size", [10, 40 * MIB])
async def test_nothing_is_stored_of_a_file_that_is_shorter_than_was_said(
    bucket: Bucket, tmp_path: Path, size: int
) -> None:
    (tmp_path / "in").write_bytes(content_of(size - 1))
    with pytest.raises(Invalid, match="cut to"):
        await bucket.put_file("key", tmp_path / "in", size)
    assert await keys(bucket) == []
    assert await abort_all(bucket) == 0


async def test_a_stream_is_never_whole_in_memory(bucket: Bucket, tmp_path: Path) -> None:
    async def endless(chunks: int) -> AsyncIterator[bytes]:
        for number in range(chunks):
            yield bytes([number]) * MIB

    size = 12 * PART_BYTES
    tracemalloc.start()
    try:
        await bucket.put_stream("key", endless(size // MIB))
        assert tracemalloc.get_traced_memory()[1] < 5 * PART_BYTES
        tracemalloc.reset_peak()
        await bucket.get_file("key", tmp_path / "file")
        await bucket.put_file("copy", tmp_path / "file", size)
        assert tracemalloc.get_traced_memory()[1] < 2 * PART_BYTES
    finally:
        tracemalloc.stop()
    assert (await bucket.info("copy")).size == size
