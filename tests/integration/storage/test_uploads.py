import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from pumphouse.errors import Invalid, NotFound
from pumphouse.storage import PART_BYTES, Bucket, UploadedPart
from tests.integration.storage.streams import MIB, abort_all, content_of, keys


async def _put(bucket: Bucket, key: str, upload_id: str, number: int, content: bytes) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.put(bucket.part_url(key, upload_id, number), content=content)
        assert answer.is_success
        assert answer.headers["ETag"]


async def test_parts_become_an_object_when_they_are_complete(bucket: Bucket) -> None:
    key, parts = "a b+/é.bin", [content_of(5 * MIB), content_of(6 * MIB), b"end"]
    upload_id = await bucket.begin_upload(key)
    for number in (3, 1, 2):
        await _put(bucket, key, upload_id, number, parts[number - 1])
    uploaded = await bucket.uploaded_parts(key, upload_id)
    assert [(part.number, part.size) for part in uploaded] == [
        (1, 5 * MIB),
        (2, 6 * MIB),
        (3, 3),
    ]
    assert await keys(bucket) == []
    await bucket.complete_upload(key, upload_id, uploaded[::-1])
    assert await bucket.get(key) == b"".join(parts)
    assert await abort_all(bucket) == 0


async def test_the_old_object_stays_until_the_upload_is_complete(bucket: Bucket) -> None:
    await bucket.put("key", b"old")
    upload_id = await bucket.begin_upload("key")
    await _put(bucket, "key", upload_id, 1, b"new")
    assert await bucket.get("key") == b"old"
    await bucket.complete_upload("key", upload_id, await bucket.uploaded_parts("key", upload_id))
    assert await bucket.get("key") == b"new"


async def test_more_parts_than_fit_one_answer_are_all_told(bucket: Bucket) -> None:
    upload_id = await bucket.begin_upload("key")
    numbers = iter(range(1, 1003))

    async def put_some(client: httpx.AsyncClient) -> None:
        for number in numbers:
            await client.put(bucket.part_url("key", upload_id, number), content=b"x")

    async with httpx.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(put_some(client) for _ in range(8)))
    parts = await bucket.uploaded_parts("key", upload_id)
    assert [part.number for part in parts] == list(range(1, 1003))


async def test_an_aborted_upload_is_gone(bucket: Bucket) -> None:
    upload_id = await bucket.begin_upload("key")
    await _put(bucket, "key", upload_id, 1, b"part")
    await bucket.abort_upload("key", upload_id)
    await bucket.abort_upload("key", upload_id)
    with pytest.raises(NotFound, match="no such upload to 'key'"):
        await bucket.uploaded_parts("key", upload_id)
    with pytest.raises(NotFound):
        await bucket.complete_upload("key", upload_id, [UploadedPart(1, 4, "0" * 32)])
    async with httpx.AsyncClient() as client:
        answer = await client.put(bucket.part_url("key", upload_id, 1), content=b"x")
    assert answer.status_code == 404
    assert await keys(bucket) == []


@pytest.mark.parametrize("upload_id", ["never-begun", "a b&c=d"])
async def test_an_upload_that_was_never_begun_is_not_there(bucket: Bucket, upload_id: str) -> None:
    with pytest.raises(NotFound):
        await bucket.uploaded_parts("key", upload_id)
    await bucket.abort_upload("key", upload_id)


async def test_parts_that_never_arrived_do_not_make_an_object(bucket: Bucket) -> None:
    upload_id = await bucket.begin_upload("key")
    await _put(bucket, "key", upload_id, 1, b"part")
    (part,) = await bucket.uploaded_parts("key", upload_id)
    with pytest.raises(Invalid):
        await bucket.complete_upload("key", upload_id, [part, UploadedPart(2, 4, part.etag)])
    with pytest.raises(Invalid):
        await bucket.complete_upload("key", upload_id, [UploadedPart(1, 4, "0" * 32)])
    assert await keys(bucket) == []


async def test_a_part_that_is_too_small_does_not_make_an_object(bucket: Bucket) -> None:
    upload_id = await bucket.begin_upload("key")
    await _put(bucket, "key", upload_id, 1, b"small")
    await _put(bucket, "key", upload_id, 2, b"end")
    with pytest.raises(Invalid):
        await bucket.complete_upload(
            "key", upload_id, await bucket.uploaded_parts("key", upload_id)
        )
    assert await keys(bucket) == []


async def test_old_uploads_are_aborted_and_young_ones_are_not(bucket: Bucket) -> None:
    begun = [(key, await bucket.begin_upload(key)) for key in ["one", "a b+%/é", "one", "two"]]
    assert await bucket.abort_uploads(datetime.now(UTC) - timedelta(minutes=1)) == 0
    for key, upload_id in begun:
        assert await bucket.uploaded_parts(key, upload_id) == ()
    assert await bucket.abort_uploads(datetime.now(UTC) + timedelta(minutes=1)) == len(begun)
    for key, upload_id in begun:
        with pytest.raises(NotFound):
            await bucket.uploaded_parts(key, upload_id)


async def test_more_unfinished_uploads_than_fit_one_answer_are_aborted(bucket: Bucket) -> None:
    for number in range(1001):
        await bucket.begin_upload(f"key {number}")
    assert await abort_all(bucket) == 1001
    assert await abort_all(bucket) == 0


async def _breaking(size: int) -> AsyncIterator[bytes]:
    content = content_of(MIB)
    for _ in range(size // MIB):
        yield content
    raise Invalid("The client went away.")


@pytest.mark.parametrize("size", [0, 3 * MIB, PART_BYTES, 3 * PART_BYTES, 5 * PART_BYTES])
async def test_nothing_is_left_of_a_stream_that_breaks(bucket: Bucket, size: int) -> None:
    await bucket.put("key", b"old")
    with pytest.raises(Invalid, match=r"The client went away\."):
        await bucket.put_stream("key", _breaking(size))
    assert await bucket.get("key") == b"old"
    assert await abort_all(bucket) == 0


@pytest.mark.parametrize("parts", [0, 1, 2, 4])
async def test_nothing_is_left_of_a_stream_that_is_cancelled(bucket: Bucket, parts: int) -> None:
    reached = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        for _ in range(parts):
            yield content_of(PART_BYTES)
        reached.set()
        await asyncio.Event().wait()

    storing = asyncio.create_task(bucket.put_stream("key", stalling()))
    await asyncio.wait_for(reached.wait(), 60)
    storing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert await keys(bucket) == []
    assert await abort_all(bucket) == 0


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_cancelling_at_any_moment_leaves_no_unfinished_upload(
    bucket: Bucket, turns: int
) -> None:
    async def two_parts() -> AsyncIterator[bytes]:
        for _ in range(2):
            yield bytes(PART_BYTES)

    storing = asyncio.create_task(bucket.put_stream("key", two_parts()))
    for _ in range(turns):
        await asyncio.sleep(0)
    storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)
    assert await keys(bucket) == []
    assert await abort_all(bucket) == 0
