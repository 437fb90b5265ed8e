"""Content to store, and what is in a store."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from pumphouse.storage import Bucket

MIB = 1024 * 1024


def content_of(size: int) -> bytes:
    """That many bytes, of which no two parts are alike."""
    return random.Random(size).randbytes(size)


async def stream(content: bytes, chunk_bytes: int = MIB) -> AsyncIterator[bytes]:
    for start in range(0, len(content), chunk_bytes):
        yield content[start : start + chunk_bytes]


async def keys(bucket: Bucket) -> list[str]:
    return [item.key for item in (await bucket.page()).objects]


async def abort_all(bucket: Bucket) -> int:
    """How many uploads were unfinished."""
    return await bucket.abort_uploads(datetime.now(UTC) + timedelta(minutes=1))
