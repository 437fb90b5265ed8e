"""Keeping a catalog up to date over the bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pumphouse.bus import Bus, Envelope
from pumphouse.bus.topology import CATALOG_CHANGES
from pumphouse.catalog.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChanged, CatalogListed, CatalogRequested
from pumphouse.errors import PumphouseError

_RETRY_S = 1.0


class _Registry:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def changes_after(self, revision: int) -> CatalogListed:
        return await self._bus.request(CatalogRequested(after=revision))


@asynccontextmanager
async def following(bus: Bus, *, refresh_every_s: float = 30) -> AsyncIterator[Catalog]:
    """A catalog that hears every change while the context is open.

    It starts empty and is filled as soon as the registry answers. Announcements are delivered at
    most once: one that is lost, as over a broken connection, shows at the next one or after
    `refresh_every_s` seconds; a look-up that must be current calls `refresh` first.
    """
    catalog = Catalog(_Registry(bus))

    async def changed(message: CatalogChanged, _: Envelope) -> None:
        await catalog.follow(message.changes)

    subscription = await bus.consume(CATALOG_CHANGES, {CatalogChanged: changed})
    refreshing = asyncio.create_task(_refresh(catalog, refresh_every_s))
    try:
        yield catalog
    finally:
        refreshing.cancel()
        await asyncio.wait([refreshing])
        await subscription.cancel()


async def _refresh(catalog: Catalog, every_s: float) -> None:
    while True:
        try:
            await catalog.refresh()
        except PumphouseError:
            await asyncio.sleep(min(_RETRY_S, every_s))
        else:
            await asyncio.sleep(every_s)
