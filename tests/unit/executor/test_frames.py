"""Frames from a runner that may be hostile."""

import msgspec
import pytest

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import (
    FRAME_LIMIT,
    Failed,
    FrameReader,
    Garbled,
    Job,
    OpenFile,
    Returned,
    Up,
    Wrote,
    encode,
)


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


def test_frames_are_read_however_they_arrive() -> None:
    data = b"".join(
        frame(body)
        for body in (
            b'{"kind":"up"}',
            b'{"kind":"returned","outputs":{"a":1}}',
            b'{"kind":"failed","message":"m"}',
        )
    )
    expected = [Up(), Returned({"a": msgspec.Raw(b"1")}), Failed("m")]
    assert list(FrameReader().feed(data)) == expected
    reader = FrameReader()
    assert [answer for i in range(len(data)) for answer in reader.feed(data[i : i + 1])] == expected


def test_answers_of_jobs_side_by_side_name_them() -> None:
    data = b"".join(
        frame(body)
        for body in (
            b'{"kind":"up","is_async":true}',
            b'{"kind":"wrote","number":2,"stream":"stderr","text":"a\\n"}',
            b'{"kind":"failed","number":2,"message":"m"}',
            b'{"kind":"returned","number":1,"outputs":{}}',
        )
    )
    assert list(FrameReader().feed(data)) == [
        Up(is_async=True),
        Wrote(2, "stderr", "a\n"),
        Failed("m", 2),
        Returned({}, (), 1),
    ]


def test_files_belong_to_answers_in_the_order_in_which_they_come() -> None:
    reader = FrameReader()
    reader.expect(3)
    first = frame(b'{"kind":"returned","number":1,"outputs":{},"files":[["f","x"]]}')
    second = frame(b'{"kind":"returned","number":2,"outputs":{},"files":[["g","y"],["h","z"]]}')
    said = frame(b'{"kind":"wrote","number":2,"stream":"stdout","text":""}')
    # The descriptors of an answer may come with bytes of what is before it.
    (_, one) = reader.feed(said + first + second[:1], [101, 102])
    assert one == Returned({}, (OpenFile("f", "x", 101),), 1)
    (two,) = reader.feed(second[1:], [103])
    assert two == Returned({}, (OpenFile("g", "y", 102), OpenFile("h", "z", 103)), 2)
    assert reader.held == []


def test_more_descriptors_than_are_due_are_garbled() -> None:
    reader = FrameReader()
    reader.expect(2)
    reader.expect(-1)
    with pytest.raises(Garbled):
        list(reader.feed(b"", [101, 102]))
    assert reader.held == [101, 102]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        frame(b""),
        frame(b"[]"),
        frame(b'{"kind":"other"}'),
        frame(b'{"kind":"failed"}'),
        frame(b'{"kind":"wrote","number":1,"stream":"stdin","text":""}'),
        frame(b'{"kind":"returned","outputs":{},"files":[["f","x"]]}'),
        frame(b'{"kind":"failed","message":"\xff"}'),
        frame(b'{"kind":"returned","outputs":' + b"[" * 100_000),
    ],
)
def test_what_no_runner_sends_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        list(FrameReader().feed(data))


def test_a_job_is_a_length_and_json() -> None:
    job = Job(execution_id="e", inputs={"n": 10**40}, absent=[], outputs=[])
    data = encode(job)
    assert int.from_bytes(data[:4], "little") == len(data) - 4
    assert msgspec.json.decode(data[4:], type=Job) == job


def test_a_job_beyond_the_limit_is_refused() -> None:
    job = Job(execution_id="e", inputs={"a": "x" * FRAME_LIMIT}, absent=[], outputs=[])
    with pytest.raises(PlatformFault):
        encode(job)
