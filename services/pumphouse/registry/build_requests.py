"""Asking executors for the environments of new pipelines, each at least once."""

import asyncio
import logging
from contextlib import suppress

from pumphouse.bus import Bus
from pumphouse.errors import Unavailable
from pumphouse.registry.queries import Builds

log = logging.getLogger(__name__)

AT_ONCE = 100
LOOK_EVERY_S = 1.0


class BuildRequests:
    """Woken by the pipelines of this instance; looks for those of an instance that died."""

    def __init__(self, builds: Builds, bus: Bus) -> None:
        self._builds = builds
        self._bus = bus
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            self._woken.clear()
            try:
                while await self._ask():
                    pass
            except Unavailable as error:
                log.debug("environments wait to be built: %s", error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()

    async def _ask(self) -> bool:
        """Whether there may be more to ask for."""
        async with self._builds.requesting(AT_ONCE) as wishes:
            for wish in wishes:
                await self._bus.publish(wish)
        return len(wishes) == AT_ONCE
