"""An object in parts, as the multipart uploads of S3 take it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from pumphouse.sdk.sources import Source

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


def parts_of(source: Source, sizes: Iterator[int]) -> Iterator[Part]:
    """All bytes of a source, at least one part; holds two of them at a time."""
    number, sent, size = 1, 0, next(sizes)
    content = source.read_fully(size)
    while True:
        next_size = next(sizes)
        following = source.read_fully(next_size) if len(content) == size else b""
        sent += len(content)
        if not following:
            yield Part(number, size, content, total=sent)
            return
        yield Part(number, size, content)
        number, size, content = number + 1, next_size, following
