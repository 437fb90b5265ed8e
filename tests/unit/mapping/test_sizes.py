"""Sizes of memory as people write them."""

import pytest

from pumphouse.errors import Invalid
from pumphouse.mapping import bytes_of


@pytest.mark.parametrize(
    ("text", "size"), [("1MiB", 1 << 20), ("512MiB", 512 << 20), ("2GiB", 2 << 30)]
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "0MiB", "1", "1 GiB", "1GB", "1.5GiB", "-1GiB", "1mib"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Invalid, match="512MiB"):
        bytes_of(text)
