"""Waiting inside a request."""

import asyncio
import time

from pumphouse.gateway.holds import Holds


async def test_a_hold_ends_when_its_time_is_over() -> None:
    begin = time.monotonic()

    await Holds().hold(asyncio.Future(), timeout=0.05)

    assert 0.04 < time.monotonic() - begin < 20


async def test_a_hold_ends_with_what_it_waits_for() -> None:
    waker: asyncio.Future[None] = asyncio.Future()
    asyncio.get_running_loop().call_soon(waker.set_result, None)

    async with asyncio.timeout(20):
        await Holds().hold(asyncio.Future(), waker, timeout=30)


async def test_the_release_ends_every_hold_and_those_to_come() -> None:
    holds = Holds()
    held = [asyncio.create_task(holds.hold(asyncio.Future(), timeout=30)) for _ in range(100)]
    await asyncio.sleep(0)
    holds.release()

    async with asyncio.timeout(20):
        await asyncio.gather(*held)
        await holds.hold(timeout=30)


async def test_work_is_given_up_when_the_hold_is_over() -> None:
    given_up = asyncio.Event()

    async def work() -> str:
        try:
            await asyncio.sleep(30)
        finally:
            given_up.set()
        return "done"

    assert await Holds().hold_for(work(), timeout=0.01) is None
    assert given_up.is_set()
