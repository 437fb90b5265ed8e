"""An object in parts, as the multipart uploads of S3 take it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from pumphouse.sdk.errors import InvalidParameters

THRESHOLD_BYTES = 100_000_000
"""From here an object is sent in parts; CRAFT_AI__MULTIPART_THRESHOLD__B changes it."""

PART_BYTES = 9_961_472
"""Of a part, unless there would be too many; CRAFT_AI__MULTIPART_PART_SIZE__B changes it."""

MOST_PARTS = 10_000
GROWS_AFTER = 1_000


@dataclass(frozen=True)
class Part:
    """size: in bytes, which only the content of the last part may stay below.

    number: from 1. total: the size of the whole object, in the last part alone.
    """

    number: int
    size: int
    content: bytes
    total: int | None = None


def sizes_of_parts(least: int, total: int | None) -> Iterator[int]:
    """Sizes with which MOST_PARTS hold the whole object.

    least: of a part. total: of the object, None if it is not known: the sizes then double after
    every GROWS_AFTER parts, so that what is held in memory stays a small share of what was sent.
    """
    if total is not None:
        yield from repeat(max(least, -(-total // MOST_PARTS)))
    size = least
    while True:
        yield from repeat(size, GROWS_AFTER)
        size *= 2


def threshold_and_part_size() -> tuple[int, int]:
    """In bytes, as the environment or else this module has them. Raises InvalidParameters."""
    return (
        _from_environment("CRAFT_AI__MULTIPART_THRESHOLD__B", THRESHOLD_BYTES),
        _from_environment("CRAFT_AI__MULTIPART_PART_SIZE__B", PART_BYTES),
    )


def _from_environment(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    try:
        size = int(text) if text else default
    except ValueError:
        size = 0
    if size < 1:
        raise InvalidParameters(f"The environment variable {variable} must be a number of bytes.")
    return size
