import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pumphouse.errors import Unavailable
from pumphouse.storage import PART_BYTES, Bucket
from tests.integration.storage.failing import answer, bucket_answering, request_line

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Not so fast.</Message></Error>"


async def test_a_store_that_is_overloaded_is_unavailable() -> None:
    async def overloaded(reader: StreamReader, writer: StreamWriter) -> None:
        await request_line(reader)
        writer.write(answer("503 Slow Down", SLOW_DOWN))
        await writer.drain()

    async with bucket_answering(overloaded) as bucket:
        for asked in (bucket.get("key"), bucket.delete("key"), bucket.page()):
            with pytest.raises(Unavailable, match=r"SlowDown: Not so fast\."):
                await asked


@pytest.mark.parametrize("half", [b"", b"half", b"x" * 3_000_000])
async def test_an_object_that_ends_early_is_noticed(half: bytes, tmp_path: Path) -> None:
    async def breaking_off(reader: StreamReader, writer: StreamWriter) -> None:
        await request_line(reader)
        writer.write(answer("200 OK", half, promised=len(half) + 1))
        await writer.drain()

    async with bucket_answering(breaking_off) as bucket:
        with pytest.raises(Unavailable, match="does not answer"):
            await bucket.get("key")
        with pytest.raises(Unavailable, match="does not answer"):
            await bucket.get_file("key", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


async def test_a_failure_shows_no_signature(tmp_path: Path) -> None:
    async def hanging_up(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(1000)

    async with bucket_answering(hanging_up) as bucket:
        for asked in (
            bucket.put("key", bytes(5_000_000)),
            bucket.get("key"),
            bucket.begin_upload("key"),
            bucket.info("key"),
        ):
            with pytest.raises(Unavailable, match="the connection broke") as caught:
                await asked
            assert "X-Amz" not in caught.value.message


async def test_an_answer_that_never_comes_is_not_waited_for_forever() -> None:
    asked: list[str] = []

    async def silent(reader: StreamReader, writer: StreamWriter) -> None:
        asked.append(await request_line(reader))
        await reader.read()

    async with bucket_answering(silent, stall_s=0.3) as bucket:
        for asking in (bucket.get("key"), bucket.delete("key"), bucket.put("key", b"content")):
            with pytest.raises(Unavailable, match="took too long"):
                await asking
    assert [line.split()[0] for line in asked] == ["GET", "DELETE", "PUT"]


async def test_a_store_that_takes_no_more_is_not_waited_for_forever() -> None:
    async def full(reader: StreamReader, writer: StreamWriter) -> None:
        await asyncio.Event().wait()

    async with bucket_answering(full, stall_s=0.3) as bucket:
        with pytest.raises(Unavailable, match="took too long"):
            await bucket.put("key", bytes(50_000_000))


async def test_a_slow_transfer_that_goes_on_is_waited_for() -> None:
    """Each way lasts longer than nothing may move; the sockets hold some of what is sent."""

    async def slow(reader: StreamReader, writer: StreamWriter) -> None:
        line = await request_line(reader)
        if line.startswith("PUT"):
            for _ in range(25):
                await asyncio.sleep(0.1)
                await reader.readexactly(2_000_000)
            writer.write(answer("200 OK"))
        else:
            writer.write(answer("200 OK", promised=25))
            for _ in range(25):
                await asyncio.sleep(0.1)
                writer.write(b"x")
        await writer.drain()

    async with bucket_answering(slow, stall_s=2) as bucket:
        await bucket.put("key", bytes(50_000_000))
        assert await bucket.get("key") == b"x" * 25


async def test_a_connection_that_the_store_closed_since_is_made_anew() -> None:
    """Of two requests on a connection the second is dropped, as by a restart in between."""
    seen: list[str] = []

    async def forgetful(reader: StreamReader, writer: StreamWriter) -> None:
        seen.append(await request_line(reader))
        writer.write(answer("200 OK", b"<Upload><UploadId>1</UploadId></Upload>"))
        await writer.drain()
        await reader.read(1)

    async with bucket_answering(forgetful) as bucket:
        for _ in range(2):
            assert await bucket.begin_upload("key") == "1"
            assert await bucket.get("key")
            await bucket.put("key", b"")
            await bucket.delete("key")
            await bucket.page()
    assert len(seen) == 10


async def test_completing_an_upload_is_never_sent_twice() -> None:
    seen: list[str] = []

    async def hanging_up(reader: StreamReader, writer: StreamWriter) -> None:
        seen.append(await request_line(reader))

    async with bucket_answering(hanging_up) as bucket:
        with pytest.raises(Unavailable):
            await bucket.complete_upload("key", "id", [])
    assert len(seen) == 1


async def test_a_completion_that_fails_after_its_status_is_noticed() -> None:
    async def failing_late(reader: StreamReader, writer: StreamWriter) -> None:
        await request_line(reader)
        writer.write(
            answer("200 OK", b"\n\n<Error><Code>InternalError</Code><Message>Oh.</Message></Error>")
        )
        await writer.drain()
        await reader.read()

    async with bucket_answering(failing_late) as bucket:
        with pytest.raises(Unavailable, match="InternalError"):
            await bucket.complete_upload("key", "id", [])


async def _parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(PART_BYTES)


async def _with_part_refused(bucket: Bucket) -> None:
    with pytest.raises(Unavailable, match="SlowDown"):
        await bucket.put_stream("key", _parts(3))


async def test_an_upload_of_which_a_part_is_refused_is_aborted() -> None:
    seen: list[str] = []

    async def refusing_parts(reader: StreamReader, writer: StreamWriter) -> None:
        while line := await request_line(reader):
            seen.append(line.split()[0])
            if line.startswith("PUT"):
                await reader.readexactly(PART_BYTES)
                writer.write(answer("503 Slow Down", SLOW_DOWN))
            elif line.startswith("POST"):
                writer.write(answer("200 OK", b"<Upload><UploadId>1</UploadId></Upload>"))
            else:
                writer.write(answer("204 No Content"))
            await writer.drain()

    async with bucket_answering(refusing_parts) as bucket:
        await _with_part_refused(bucket)
    assert seen[0] == "POST"
    assert seen[-1] == "DELETE"
    assert seen.count("POST") == 1
