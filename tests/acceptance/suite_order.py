"""A plugin of pytest for the official client's suite: which of its cases run when."""

import fcntl
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

LONGEST = {
    "test_constant_and_data_store_mapping",
    "test_execution_longer_than_one_hold",
    "test_few_redirections",
    "test_run_longer_than_a_poll_window",
    "test_runs_every_minute",
    "test_sdk_waits_for_a_long_endpoint_execution",
}
"""A minute or so each, of which nearly all is waiting. They begin first."""

ALONE = {
    "test_data_store_mapping",
    "test_file_in_and_out_with_curl",
    "test_file_in_and_out_with_the_sdk",
}
"""Their pipelines write the same file of /tmp, whichever platform of this machine they run on."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # pytest-xdist gives every worker two cases to begin with: one that waits, and one that does not
    long = [item for item in items if _name(item) in LONGEST]
    others = [item for item in items if _name(item) not in LONGEST]
    pairs = min(len(long), len(others))
    items[: 2 * pairs] = [item for pair in zip(long, others, strict=False) for item in pair]
    items[2 * pairs :] = long[pairs:] + others[pairs:]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with _one_at_a_time() if _name(item) in ALONE else nullcontext():
        return (yield)


def _name(item: pytest.Item) -> str:
    return item.name.partition("[")[0]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """On this machine, for this user."""
    file = Path(tempfile.gettempdir(), f"pumphouse-acceptance-{os.getuid()}.lock")
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
