"""The two clients are one: the plain one is what was made from the asynchronous one."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from pumphouse.sdk import AsyncPumphouseSdk, PumphouseSdk

MAKE_SYNC = Path(__file__).parents[3] / "sdk" / "make_sync.py"

CALLS = [
    name
    for name, _ in inspect.getmembers(PumphouseSdk, inspect.isfunction)
    if not name.startswith("_")
]


def test_the_plain_client_is_as_generated() -> None:
    checked = subprocess.run(
        [sys.executable, MAKE_SYNC, "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("call", CALLS)
def test_both_have_the_call(call: str) -> None:
    plain, asynchronous = getattr(PumphouseSdk, call), getattr(AsyncPumphouseSdk, call)
    assert list(inspect.signature(plain).parameters.values()) == list(
        inspect.signature(asynchronous).parameters.values()
    )
    waits = inspect.isasyncgenfunction if call.startswith("iter_") else inspect.iscoroutinefunction
    assert waits(asynchronous)
    assert not waits(plain)


def test_neither_has_more_than_the_other() -> None:
    asynchronous = {name for name in dir(AsyncPumphouseSdk) if not name.startswith("_")}
    assert asynchronous == {name for name in dir(PumphouseSdk) if not name.startswith("_")}
