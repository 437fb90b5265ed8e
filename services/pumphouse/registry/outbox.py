"""Publishing what a transaction has stored to be published."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pumphouse.errors import Unavailable

log = logging.getLogger(__name__)

AT_ONCE = 100
LOOK_EVERY_S = 1.0


class Outbox:
    """Woken by what this instance has stored; looks for what an instance that died had stored."""

    def __init__(self, what: str, publish: Callable[[], Awaitable[None]]) -> None:
        """what: for the log. publish: all that waits. It may raise Unavailable, and is called
        again then."""
        self._what = what
        self._publish = publish
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            self._woken.clear()
            try:
                await self._publish()
            except Unavailable as error:
                log.debug("%s wait to be published: %s", self._what, error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()
