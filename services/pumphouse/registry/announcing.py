"""Announcing catalog changes in order, each at least once: the log of changes is the outbox."""

import asyncio
import logging
from contextlib import suppress

from pumphouse.bus import Bus
from pumphouse.contracts.catalog import CatalogChanged
from pumphouse.errors import Unavailable
from pumphouse.registry.queries import CatalogLog

log = logging.getLogger(__name__)

AT_ONCE = 100
LOOK_EVERY_S = 1.0


class Announcer:
    """Woken by the changes of this instance; looks for those of an instance that died."""

    def __init__(self, catalog: CatalogLog, bus: Bus) -> None:
        self._catalog = catalog
        self._bus = bus
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Announce for ever."""
        while True:
            self._woken.clear()
            try:
                await self._announce()
            except Unavailable as error:
                log.debug("catalog changes wait to be announced: %s", error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()

    async def _announce(self) -> None:
        while await self._catalog.lags():
            async with self._catalog.announcing(AT_ONCE) as changes:
                if changes:
                    await self._bus.publish(CatalogChanged(changes=tuple(changes)))
