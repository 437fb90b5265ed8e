"""Released messages stay readable: one golden file for each tag there is."""

import json
from pathlib import Path
from typing import Any

import pytest

from pumphouse.contracts.codec import MESSAGES, decode, encode
from pumphouse.contracts.message import tag_of
from pumphouse.errors import Invalid

GOLDEN = {path.stem: path for path in (Path(__file__).parent / "golden").glob("*.json")}


def test_every_message_has_a_golden_file_and_every_golden_file_a_message() -> None:
    assert sorted(GOLDEN) == sorted(MESSAGES)


@pytest.mark.parametrize("tag", sorted(GOLDEN))
def test_a_golden_message_survives_the_round_trip(tag: str) -> None:
    body = GOLDEN[tag].read_bytes()
    message = decode(body)
    assert tag_of(type(message)) == tag
    assert decode(encode(message)) == message
    assert_survives(json.loads(body), json.loads(encode(message)), at=tag)


@pytest.mark.parametrize("tag", sorted(GOLDEN))
def test_fields_that_a_newer_producer_adds_are_ignored(tag: str) -> None:
    body = GOLDEN[tag].read_bytes()
    assert decode(json.dumps(with_more_fields(json.loads(body))).encode()) == decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"type": "trigger.requested.v0"}',
        b'{"type": "trigger.requested.v1"}',
        b'{"type": "trigger.requested.v1", "deployment": 5}',
        b'{"type": "trigger.requested.v1", "deployment": "a", "inputs": [NaN]}',
        b'{"type": "trigger.requested.v1", "deployment": "a", "inputs": {"a": NaN}}',
        b'{"type": "execution.queried.v1", "execution_id": "a", "wait_s": "long"}',
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(body: bytes) -> None:
    with pytest.raises(Invalid, match="Not a message of this platform"):
        decode(body)


def assert_survives(golden: Any, encoded: Any, at: str) -> None:
    """All of `golden` is in `encoded`, which may have more fields."""
    if isinstance(golden, dict):
        assert isinstance(encoded, dict), at
        for key, value in golden.items():
            assert key in encoded, f"{at}.{key}"
            assert_survives(value, encoded[key], f"{at}.{key}")
    elif isinstance(golden, list):
        assert len(golden) == len(encoded), at
        for index, (one, other) in enumerate(zip(golden, encoded, strict=True)):
            assert_survives(one, other, f"{at}[{index}]")
    else:
        assert golden == encoded, at


OPEN_FIELDS = {"value", "default", "inputs", "files", "container", "details"}
"""Where these are objects they hold what users put there: one more key would be content."""


def with_more_fields(part: Any) -> Any:
    """The same with one more field in every structure."""
    if isinstance(part, list):
        return [with_more_fields(item) for item in part]
    if not isinstance(part, dict):
        return part
    more = {
        name: value if name in OPEN_FIELDS and isinstance(value, dict) else with_more_fields(value)
        for name, value in part.items()
    }
    return {**more, "added_later": {"any": ["thing"]}}
