"""Wiring of the scheduler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pumphouse.bus import Bus
from pumphouse.catalog import following
from pumphouse.postgres import migrate, open_pool
from pumphouse.scheduler.firing import Scheduler
from pumphouse.scheduler.queries import Ledger
from pumphouse.scheduler.settings import Settings

_STOPPING_S = 5.0


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[None]:
    """A scheduler at work on `bus` while the context is open."""
    async with (
        open_pool(settings.database_url, name="scheduler", size=2) as pool,
        following(bus) as catalog,
    ):
        await migrate(pool, schema="scheduler", package="pumphouse.scheduler.migrations")
        scheduler = Scheduler(
            catalog,
            Ledger(pool),
            bus,
            clock=lambda: datetime.now(UTC),
            misfire_grace=timedelta(seconds=settings.misfire_grace_s),
            retention=timedelta(days=settings.ledger_days),
        )
        catalog.listen(scheduler.hear)
        async with _at_work(scheduler):
            yield


@asynccontextmanager
async def _at_work(scheduler: Scheduler) -> AsyncIterator[None]:
    """The loop of the scheduler beside the body; should it fail, the body is cancelled."""
    body = asyncio.current_task()
    loop = asyncio.create_task(scheduler.run())

    def cancel_body(_: asyncio.Task[None]) -> None:
        if body is not None and not scheduler.is_stopping:
            body.cancel()

    loop.add_done_callback(cancel_body)
    try:
        yield
    finally:
        scheduler.stop()
        await asyncio.wait([loop], timeout=_STOPPING_S)
        if loop.done():
            loop.result()
        loop.cancel()
