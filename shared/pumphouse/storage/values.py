"""Values that are too large to travel in a message: the store keeps them, a reference travels."""

import asyncio
import hashlib
from collections.abc import Sequence

from pumphouse.contracts.references import Reference
from pumphouse.errors import PumphouseError
from pumphouse.storage.bucket import Bucket

LARGEST_ON_BUS = 65_536
"""Of all values of one message together, in bytes of JSON."""


def oversized(sizes: Sequence[int]) -> list[int]:
    """Positions of the values to put away, largest first, until the rest fits.

    sizes: of the values of one message, in bytes of JSON.
    """
    chosen: list[int] = []
    rest = sum(sizes)
    for position in sorted(range(len(sizes)), key=lambda position: -sizes[position]):
        if rest <= LARGEST_ON_BUS:
            break
        chosen.append(position)
        rest -= sizes[position]
    return chosen


async def put_value(bucket: Bucket, key: str, encoded: bytes) -> Reference:
    """Keep the JSON of a value."""
    digest = await asyncio.to_thread(_sha256, encoded)
    await bucket.put(key, encoded)
    return Reference(key=key, size=len(encoded), sha256=digest)


async def get_value(bucket: Bucket, reference: Reference) -> bytes:
    """The JSON that was kept.

    Raises NotFound when it is gone, PumphouseError when it is not what was put there.
    """
    encoded = await bucket.get(reference.key)
    is_same = len(encoded) == reference.size and reference.sha256 in (
        None,
        await asyncio.to_thread(_sha256, encoded),
    )
    if not is_same:
        raise PumphouseError(f"What is stored at {reference.key!r} is not the value put there.")
    return encoded


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
