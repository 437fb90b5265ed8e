"""Requests that wait for executions to move, at no thread and no connection each."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import UUID

from pumphouse.errors import Unavailable
from pumphouse.registry.domain import Stage

LOOK_EVERY_S = 1.0


class Wait:
    """Executions that have not come as far as somebody wants."""

    def __init__(self, wanted: Mapping[UUID, Stage]) -> None:
        self._wanted = dict(wanted)
        self._is_over = asyncio.Event()

    def note(self, stages: Mapping[UUID, Stage]) -> None:
        for identifier, stage in stages.items():
            if identifier in self._wanted and stage >= self._wanted[identifier]:
                del self._wanted[identifier]
        if not self._wanted:
            self.end()

    def end(self) -> None:
        self._is_over.set()

    async def within(self, seconds: float) -> None:
        """Return when all have come so far, at the latest after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_over.wait()


class StageWatch:
    """Tells waits of what this process folds at once, and of the rest by a look every second.

    stages_of: reads how far executions have come; another instance may have moved them.
    """

    def __init__(
        self, stages_of: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Stage]]]
    ) -> None:
        self._stages_of = stages_of
        self._waits: defaultdict[UUID, set[Wait]] = defaultdict(set)
        self._is_wanted = asyncio.Event()
        self._is_closed = False

    async def until(self, wanted: Mapping[UUID, Stage], seconds: float) -> None:
        """Return when the record shows these stages, at the latest after `seconds`."""
        with self._on(wanted) as wait:
            wait.note(await self._stages_of(wanted.keys()))
            await wait.within(seconds)

    def reached(self, stages: Mapping[UUID, Stage]) -> None:
        """These executions have come so far."""
        for identifier in stages.keys() & self._waits.keys():
            for wait in self._waits[identifier]:
                wait.note(stages)

    def close(self) -> None:
        """End every wait now, and those that begin later at once."""
        self._is_closed = True
        for waits in self._waits.values():
            for wait in waits:
                wait.end()

    async def look(self) -> None:
        """Look at what is waited for, as long as anything is; never returns."""
        while True:
            await self._is_wanted.wait()
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._waits:
                self._is_wanted.clear()
                continue
            with suppress(Unavailable):
                self.reached(await self._stages_of(list(self._waits)))

    @contextmanager
    def _on(self, wanted: Mapping[UUID, Stage]) -> Iterator[Wait]:
        wait = Wait(wanted)
        if self._is_closed:
            wait.end()
        for identifier in wanted:
            self._waits[identifier].add(wait)
        self._is_wanted.set()
        try:
            yield wait
        finally:
            for identifier in wanted:
                self._waits[identifier].discard(wait)
                if not self._waits[identifier]:
                    del self._waits[identifier]
