"""An object in parts."""

import io
from itertools import islice

import pytest

from pumphouse.sdk.objects import size_as_text
from pumphouse.sdk.parts import MOST_PARTS, sizes_of_parts
from pumphouse.sdk.sources import Source
from pumphouse.sdk.sync.uploads import parts_of

TIB = 2**40


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 19, 20, 21, 31])
@pytest.mark.parametrize("is_known", [True, False])
def test_no_byte_is_lost(size: int, is_known: bool) -> None:
    content = bytes(range(size))
    source = Source(io.BytesIO(content), "content")
    parts = list(parts_of(source, sizes_of_parts(10, size if is_known else None)))
    assert b"".join(part.content for part in parts) == content
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.total for part in parts] == [None] * (len(parts) - 1) + [size]
    assert all(len(part.content) == part.size for part in parts[:-1])


@pytest.mark.parametrize("total", [None, 5 * TIB])
def test_ten_thousand_parts_hold_the_largest_object(total: int | None) -> None:
    sizes = list(islice(sizes_of_parts(9_961_472, total), MOST_PARTS))
    assert sum(sizes) >= 5 * TIB


def test_parts_are_not_larger_than_they_must_be() -> None:
    assert next(sizes_of_parts(10, 10 * MOST_PARTS)) == 10
    assert next(sizes_of_parts(10, 10 * MOST_PARTS + 1)) == 11


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 B"),
        (1023, "1023.00 B"),
        (1536, "1.50 KB"),
        (2**30, "1.00 GB"),
        (2048 * TIB, "2048.00 TB"),
    ],
)
def test_sizes_as_text(size: int, text: str) -> None:
    assert size_as_text(size) == text
