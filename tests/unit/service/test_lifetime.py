import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from pumphouse.errors import Unavailable
from pumphouse.service import run_until_stopped


class Work:
    """Something to open that notes what happens to it and tells this process to stop."""

    def __init__(self, *, entering_s: float = 0, leaving_s: float = 0, signals: int = 1) -> None:
        self.entering_s = entering_s
        self.leaving_s = leaving_s
        self.signals = signals
        self.notes: list[str] = []

    def opened(self) -> AbstractAsyncContextManager[None]:
        return self._opened()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        for number in range(self.signals):
            loop.call_later(0.02 * (number + 1), os.kill, os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(self.entering_s)
            self.notes.append("entered")
            yield
            await asyncio.sleep(self.leaving_s)
            self.notes.append("left in order")
        finally:
            self.notes.append("left")


def test_a_signal_ends_it_in_order() -> None:
    work = Work()
    assert run_until_stopped(work.opened)
    assert work.notes == ["entered", "left in order", "left"]


def test_a_signal_ends_it_while_it_is_still_being_entered() -> None:
    work = Work(entering_s=60)
    assert run_until_stopped(work.opened)
    assert work.notes == ["left"]


def test_a_second_signal_cuts_leaving_short() -> None:
    work = Work(leaving_s=60, signals=2)
    assert not run_until_stopped(work.opened)
    assert work.notes == ["entered", "left"]


def test_leaving_has_a_limit() -> None:
    work = Work(leaving_s=60)
    assert not run_until_stopped(work.opened, close_within_s=0.05)
    assert work.notes == ["entered", "left"]


def test_what_entering_raises_comes_out() -> None:
    async def connect() -> None:
        raise Unavailable("no broker")

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        await connect()
        yield

    with pytest.raises(Unavailable, match="no broker"):
        run_until_stopped(opened)
