"""Reading multipart forms however their bytes arrive."""

from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.errors import Invalid
from pumphouse.gateway.multiparts import MAX_PARTS, MultipartReader, Part, parameters

BOUNDARY = "xx"

near_misses = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n--x", b"--xx", b"\r\n-xx", b"\r\n--xy"]
)
contents = st.lists(st.binary(max_size=5) | near_misses, max_size=8).map(b"".join)
wholes = contents.filter(lambda content: b"\r\n--xx" not in b"\r\n" + content)
names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\%'), min_size=1
)


def body_of(parts: list[tuple[str, bytes]]) -> bytes:
    heads = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
        for name, _ in parts
    ]
    filled = [head.encode() + part[1] for head, part in zip(heads, parts, strict=True)]
    return b"\r\n".join([*filled, f"--{BOUNDARY}--\r\n".encode()])


async def sent(body: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(edges):
        yield body[start:end]


async def read(body: bytes, cuts: list[int], boundary: str = BOUNDARY) -> list[tuple[Part, bytes]]:
    reader = MultipartReader(sent(body, cuts), boundary)
    return [(part, b"".join([c async for c in reader.content()])) async for part in reader.parts()]


@given(st.lists(st.tuples(names, wholes), min_size=1, max_size=4), st.lists(st.integers(0)))
async def test_parts_are_the_same_wherever_the_body_is_cut(
    parts: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    found = await read(body_of(parts), cuts)

    assert [(part.name, content) for part, content in found] == parts


@given(st.lists(st.tuples(names, wholes), min_size=1, max_size=3), st.data())
async def test_half_a_form_is_never_taken_for_a_whole_one(
    parts: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    body = body_of(parts)
    end = data.draw(st.integers(1, len(body) - len("--\r\n")))

    with pytest.raises(Invalid):
        await read(body[:end], data.draw(st.lists(st.integers(0))))


@given(st.binary(max_size=200), st.lists(st.integers(0)))
async def test_any_bytes_are_a_form_or_refused(body: bytes, cuts: list[int]) -> None:
    with suppress(Invalid):
        await read(body, cuts)


@given(st.lists(st.tuples(names, wholes), min_size=2, max_size=4), st.lists(st.integers(0)))
async def test_content_that_is_not_read_is_skipped(
    parts: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    reader = MultipartReader(sent(body_of(parts), cuts), BOUNDARY)

    found = [(part.name, await reader.has_content()) async for part in reader.parts()]

    assert found == [(name, bool(content)) for name, content in parts]


async def test_an_empty_body_has_no_parts() -> None:
    assert await read(b"", []) == []


async def test_no_chunk_is_held_for_longer_than_it_is_needed() -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        body = body_of([("a", b"x" * 1000)])
        for start in range(0, len(body), 10):
            asked += 1
            yield body[start : start + 10]

    reader = MultipartReader(chunks(), BOUNDARY)
    await anext(reader.parts())
    content = reader.content()
    before = asked
    await anext(content)
    await anext(content)

    assert asked <= before + 2


@pytest.mark.parametrize("boundary", [None, "", "x" * 300, "é"])
def test_a_boundary_that_cannot_be_is_refused(boundary: str | None) -> None:
    with pytest.raises(Invalid, match="boundary"):
        MultipartReader(sent(b"", []), boundary)


async def test_the_number_of_parts_is_limited() -> None:
    most = [("a", b"")] * MAX_PARTS

    assert len(await read(body_of(most), [])) == MAX_PARTS
    with pytest.raises(Invalid, match="parts"):
        await read(body_of([*most, ("a", b"")]), [])


@pytest.mark.parametrize(
    ("head", "is_text", "encoding"),
    [
        ('name="a"', True, None),
        ('name="a"\r\nContent-Type: text/plain; charset=UTF-8', True, None),
        ('name="a"\r\nContent-Type: text/plain; charset=latin-1', True, "latin-1"),
        ('name="a"\r\ncontent-type: application/json', True, None),
        ('name="a"\r\nContent-Type: application/octet-stream', False, None),
        ('name="a"; filename="a.txt"\r\nContent-Type: text/plain', False, None),
        ('name="a"; filename=""', False, None),
        ("name=a; filename*=UTF-8''a.txt", False, None),
    ],
)
async def test_files_are_told_from_text(head: str, is_text: bool, encoding: str | None) -> None:
    body = f"--xx\r\nContent-Disposition: form-data; {head}\r\n\r\n1\r\n--xx--"

    [(part, content)] = await read(body.encode(), [])

    assert (part.name, part.is_text, part.encoding, content) == ("a", is_text, encoding, b"1")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("form-data", {}),
        ('form-data; name="a"; filename="b c.txt"', {"name": "a", "filename": "b c.txt"}),
        ("form-data; NAME=a ;filename = b", {"name": "a", "filename": "b"}),
        ('x; name="a;b=\\"c\\""', {"name": 'a;b="c"'}),
        ('x; name="back\\\\slash"', {"name": "back\\slash"}),
        ('x; name="C:\\dir\\f.txt"', {"name": "C:\\dir\\f.txt"}),
        ('x; name="%22a%22 100%"', {"name": '"a" 100%'}),
        ("x; a=1; a*=utf-8'en'%C3%A9%20", {"a": "é "}),
        ("x; a=1; a*=klingon''%C3%A9", {"a": "1"}),
        ('x; name="never ends', {"name": '"never'}),
    ],
)
def test_the_parameters_of_a_header_are_read(header: str, found: dict[str, str]) -> None:
    assert parameters(header) == found


@given(st.text())
def test_any_header_has_parameters_or_none(header: str) -> None:
    assert isinstance(parameters(f"form-data;{header}"), dict)
