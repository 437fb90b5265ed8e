"""A connection that comes back: whoever holds a session sees links come and go."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from pumphouse.bus.rabbit.link import Link, LinkLost
from pumphouse.errors import PumphouseError, Unavailable

log = logging.getLogger(__name__)

L = TypeVar("L", bound=Link)

_PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0)


class Session(Generic[L]):
    """Keeps one link open.

    connect: opens a link that is ready for use. on_lost: called when a link is lost.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[L]],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._on_lost = on_lost
        self._link: L | None = None
        self._waiting: list[asyncio.Future[L]] = []
        self._keeper: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def current(self) -> L | None:
        """The link, unless it is lost and the next is not there yet."""
        link = self._link
        return None if link is None or link.lost.done() else link

    async def ready(self) -> L:
        """The link, or the next one. Raises Unavailable once the session is closed."""
        link = self.current
        if link is not None:
            return link
        if self._is_closed:
            raise _closed()
        waiting: asyncio.Future[L] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    async def start(self) -> None:
        """Connect for the first time. Raises what `connect` raises."""
        if self._keeper is None:
            self._hand_out(await self._connect())
            self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        self._is_closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._link is not None:
            await self._link.close()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(_closed())

    async def _keep(self) -> None:
        while True:
            assert self._link is not None
            reason = await asyncio.shield(self._link.lost)
            log.warning("The connection to RabbitMQ is lost: %s", reason)
            self._link = None
            self._on_lost()
            self._hand_out(await self._reopen())
            log.info("The connection to RabbitMQ is back.")

    async def _reopen(self) -> L:
        for attempt in itertools.count():
            try:
                return await self._connect()
            except (PumphouseError, LinkLost) as error:
                pause_s = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
                log.warning("RabbitMQ is not back yet: %s", error)
                await asyncio.sleep(pause_s)
        raise AssertionError

    def _hand_out(self, link: L) -> None:
        self._link = link
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(link)


def _closed() -> Unavailable:
    return Unavailable("The bus is closed.")
