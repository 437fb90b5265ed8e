"""Wiring of the mapping-resolver."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from pumphouse.bus import Bus, Handlers, Queue
from pumphouse.bus.topology import INTAKE, RESOLVER
from pumphouse.catalog import following
from pumphouse.contracts.executions import TriggerAccepted, TriggerRequested
from pumphouse.mapping_resolver.handlers import TriggerHandlers
from pumphouse.mapping_resolver.settings import Settings


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[None]:
    """The mapping-resolver at work on `bus` while the context is open."""
    async with AsyncExitStack() as stack:
        catalog = await stack.enter_async_context(following(bus))
        handlers = TriggerHandlers(catalog, bus, clock=lambda: datetime.now(UTC))
        consumed: list[tuple[Queue, Handlers]] = [
            (RESOLVER, {TriggerAccepted: handlers.accepted}),
            (INTAKE, {TriggerRequested: handlers.requested}),
        ]
        for queue, handling in consumed:
            subscription = await bus.consume(queue, handling)
            stack.push_async_callback(subscription.cancel)
        yield
