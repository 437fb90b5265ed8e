"""Bytes to lines, and lines to a log that is bounded."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pumphouse.executor.logs import LINE_LIMIT, LOG_LIMIT, LineSplitter, Log, MarkFinder

MARK = b"\0abc\n"


def lines_of(pieces: list[bytes]) -> list[tuple[bytes, int]]:
    taken: list[tuple[bytes, int]] = []
    splitter = LineSplitter(lambda line, cut: taken.append((line, cut)))
    for piece in pieces:
        splitter.feed(piece)
    splitter.flush()
    return taken


def cut_up(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@given(
    st.lists(st.binary().filter(lambda b: b"\n" not in b and b"\r" not in b)),
    st.lists(st.integers(0)),
)
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    assert lines_of(cut_up(data, cuts)) == [(line, 0) for line in lines]


def test_a_line_without_end_is_a_line() -> None:
    assert lines_of([b"a\r\nb"]) == [(b"a", 0), (b"b", 0)]


def test_no_more_of_a_line_is_held_than_its_limit() -> None:
    assert lines_of([b"x" * LINE_LIMIT, b"yy", b"y\nz\n"]) == [(b"x" * LINE_LIMIT, 3), (b"z", 0)]


@given(
    st.lists(st.binary(max_size=12).filter(lambda b: MARK not in b + MARK[:-1]), min_size=1),
    st.lists(st.integers(0)),
)
def test_a_mark_is_found_however_it_arrives(texts: list[bytes], cuts: list[int]) -> None:
    finder = MarkFinder(MARK)
    found: list[bytes | None] = []
    for piece in cut_up(MARK.join(texts), cuts):
        found += finder.feed(piece)
    found.append(finder.flush())
    joined = b"".join(MARK if piece is None else piece for piece in found)
    assert joined == MARK.join(texts)
    assert found.count(None) == len(texts) - 1


def test_what_may_be_the_begin_of_a_mark_is_held_back() -> None:
    finder = MarkFinder(MARK)
    assert finder.feed(b"text\0ab") == [b"text"]
    assert finder.feed(b"c\nmore") == [b"", None, b"more"]


def test_a_log_that_is_full_counts_what_it_drops() -> None:
    log = Log()
    line = b"x" * LINE_LIMIT
    kept = LOG_LIMIT // LINE_LIMIT
    for _ in range(kept + 2):
        log.add("stdout", line, 1)
    log.add("stdout", b"short", 0)
    log.close()
    assert len(log.lines) == kept + 1
    assert log.lines[-1].text.startswith(f"[3 more lines ({2 * (LINE_LIMIT + 1) + 5} bytes)")


def test_a_log_that_is_not_full_has_no_note() -> None:
    log = Log()
    log.add("stderr", b"\xff\0", 0)
    log.close()
    assert [(line.stream, line.text) for line in log.lines] == [("stderr", "�\\x00")]
