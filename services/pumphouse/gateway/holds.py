"""Waiting inside a request, at most so long and never past the end of the gateway."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Holds:
    """All the waits of one gateway. Each costs a future and a timer, no thread."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self.is_released = False

    async def hold(self, *wakers: asyncio.Future[Any], timeout: float) -> None:
        """Return when one of `wakers` is done, after `timeout` seconds, or at the release."""
        if self.is_released or timeout <= 0 or any(waker.done() for waker in wakers):
            return
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()

        def wake(_: object = None) -> None:
            if not waiter.done():
                waiter.set_result(None)

        timer = loop.call_later(timeout, wake)
        self._waiters.add(waiter)
        for waker in wakers:
            waker.add_done_callback(wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            for waker in wakers:
                waker.remove_done_callback(wake)

    async def hold_for(
        self, work: Coroutine[Any, Any, T], *wakers: asyncio.Future[Any], timeout: float
    ) -> T | None:
        """As hold, until `work` is done too; its result, or None when it was given up."""
        task = asyncio.ensure_future(work)
        try:
            await self.hold(task, *wakers, timeout=timeout)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def release(self) -> None:
        """End every wait now, and those to come at once."""
        self.is_released = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
