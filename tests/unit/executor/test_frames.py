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
    Returned,
    Up,
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


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        frame(b""),
        frame(b"[]"),
        frame(b'{"kind":"other"}'),
        frame(b'{"kind":"failed"}'),
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
