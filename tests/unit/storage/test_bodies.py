import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.errors import Invalid, PumphouseError
from pumphouse.storage.bodies import FileSlices, in_parts, new_file, of_bytes
from pumphouse.storage.sending import Body
from pumphouse.storage.transport import CHUNK_BYTES


async def _content(body: Body) -> bytes:
    return b"".join([bytes(chunk) async for chunk in body.chunks()])


@given(st.lists(st.binary(max_size=40)), st.integers(min_value=1, max_value=16))
async def test_parts_hold_the_same_bytes_and_only_the_last_is_shorter(
    chunks: list[bytes], part_bytes: int
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    parts = [bytes(part) async for part in in_parts(stream(), part_bytes)]
    assert b"".join(parts) == b"".join(chunks)
    assert all(len(part) == part_bytes for part in parts[:-1])
    assert len(parts[-1]) <= part_bytes
    assert parts == [b""] or all(parts)


async def test_a_body_can_be_sent_a_second_time() -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 100)
    body = of_bytes(content)
    assert body.size == len(content)
    assert await _content(body) == content
    assert await _content(body) == content


async def test_slices_of_a_file_begin_where_the_file_stands() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(2)
    slices = FileSlices(file)
    later, earlier = slices.body(4, 3), slices.body(0, 4)
    assert await _content(later) == b"678"
    assert await _content(earlier) == b"2345"


async def test_a_file_that_is_shorter_than_it_was_is_noticed() -> None:
    with pytest.raises(Invalid, match="cut to 3 bytes"):
        await _content(FileSlices(io.BytesIO(b"abc")).body(0, 4))


async def test_a_file_that_cannot_be_read_is_not_taken_for_a_failure_of_the_store() -> None:
    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("input/output error")

    with pytest.raises(PumphouseError, match="cannot be read: input/output error"):
        await _content(FileSlices(Unreadable(b"abc")).body(0, 3))


def test_a_new_file_is_removed_when_writing_it_fails(tmp_path: Path) -> None:
    def write() -> None:
        with new_file(tmp_path / "new") as file:
            file.write(b"half")
            raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(FileExistsError), new_file(tmp_path / "old"):
        raise AssertionError("an old file was opened")
    assert (tmp_path / "old").read_bytes() == b"old"
