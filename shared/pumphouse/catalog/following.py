"""Keeping a catalog up to date over the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pumphouse.bus import Bus, Envelope
from pumphouse.bus.topology import CATALOG_CHANGES
from pumphouse.catalog.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChanged, CatalogListed, CatalogRequested


class _Registry:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def changes_after(self, revision: int) -> CatalogListed:
        return await self._bus.request(CatalogRequested(after=revision))


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[Catalog]:
    """A catalog that hears every change while the context is open.

    It starts empty: `refresh` fills it, and every look-up that must be current calls it first.
    """
    catalog = Catalog(_Registry(bus))

    async def changed(message: CatalogChanged, _: Envelope) -> None:
        await catalog.follow(message.changes)

    subscription = await bus.consume(CATALOG_CHANGES, {CatalogChanged: changed})
    try:
        yield catalog
    finally:
        await subscription.cancel()
