"""Storing events: those that arrive while a batch is stored make up the next one."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from pumphouse.errors import Invalid, Unavailable
from pumphouse.registry.batches import Event, identified
from pumphouse.registry.domain import Stage
from pumphouse.registry.queries import Outcome

log = logging.getLogger(__name__)

BATCH_SIZE = 1000
GIVE_UP_AFTER_S = 300.0


class Folding(Protocol):
    async def fold(self, events: Sequence[Event]) -> Outcome: ...


class Journal:
    """One batch at a time: a lone event costs one commit, a flood shares a few.

    reached: told of the executions that moved, once that is stored.
    """

    def __init__(
        self,
        folds: Folding,
        reached: Callable[[Mapping[UUID, Stage]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folds = folds
        self._reached = reached
        self._absences = Absences(clock)
        self._arrived: list[tuple[Event, asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, event: Event) -> None:
        """Return once the event is folded, or known to be of a deleted execution.

        Raises Unavailable while its execution is unknown or the database away, Invalid for what
        cannot be stored.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.append((event, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_arrived())
        await stored

    async def _store_arrived(self) -> None:
        while self._arrived:
            batch, self._arrived = self._arrived[:BATCH_SIZE], self._arrived[BATCH_SIZE:]
            await self._store(batch)

    async def _store(self, batch: Sequence[tuple[Event, asyncio.Future[None]]]) -> None:
        [result] = await asyncio.gather(
            self._folds.fold([event for event, _ in batch]), return_exceptions=True
        )
        if isinstance(result, Outcome):
            self._settle(batch, result)
        elif isinstance(result, Invalid) and len(batch) > 1:
            for entry in batch:
                await self._store([entry])
        else:
            _fail((stored for _, stored in batch), result)

    def _settle(
        self, batch: Sequence[tuple[Event, asyncio.Future[None]]], outcome: Outcome
    ) -> None:
        self._reached(outcome.stages)
        for event, stored in batch:
            identifier = identified(event)
            if identifier not in outcome.missing:
                self._absences.over(identifier)
            elif not self._absences.lasted(identifier, GIVE_UP_AFTER_S):
                _fail([stored], Unavailable(f"Execution {identifier} is not recorded yet."))
                continue
            else:
                log.warning("dropping %s of unknown execution %s", type(event).__name__, identifier)
            if not stored.done():
                stored.set_result(None)


class Absences:
    """Since when this process has looked in vain for an execution."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[UUID, float] = {}

    def lasted(self, identifier: UUID, seconds: float) -> bool:
        """Whether it has been absent for so long, counting from the first question."""
        now = self._clock()
        since = self._since.setdefault(identifier, now)
        for oldest, oldest_since in list(self._since.items()):
            if oldest_since + 2 * seconds > now:
                break
            del self._since[oldest]
        return now - since >= seconds

    def over(self, identifier: UUID) -> None:
        self._since.pop(identifier, None)


def _fail(waiting: Iterable[asyncio.Future[None]], error: BaseException) -> None:
    for stored in waiting:
        if not stored.done():
            stored.set_exception(error)
