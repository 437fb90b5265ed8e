"""Children that each have a zygote of their own, which has loaded nothing: fresh interpreters."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from pumphouse.executor.child import Child
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.spares import Spares
from pumphouse.executor.workspace import Later
from pumphouse.executor.zygote import Zygote

log = logging.getLogger(__name__)


class Solos:
    """For what must not share a process that forks: pods, and libraries that bear no fork."""

    def __init__(
        self,
        start: Callable[[], Zygote],
        later: Later,
        variables: Callable[[], Mapping[str, str]],
    ) -> None:
        self._start = start
        self._later = later
        self._variables = variables
        self._spares = Spares()
        self._adding: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def child(self, purpose: str) -> Child:
        """A new one. Raises PlatformFault."""
        return await self._new(purpose, ())

    async def spare(self) -> Child:
        """One that has imported libraries already, or a new one. Raises PlatformFault."""
        return self._spares.take() or await self._new("run", ())

    def refill(self, wanted: int, libraries: Iterable[str]) -> None:
        """Have so many spares, which import these libraries while they wait."""
        modules = sorted(libraries)
        for _ in range(wanted - len(self._spares) - len(self._adding)):
            if not self._is_closed:
                task = asyncio.create_task(self._add(modules))
                self._adding.add(task)
                task.add_done_callback(self._adding.discard)

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.gather(*self._adding)
        await self._spares.end()

    async def _add(self, modules: list[str]) -> None:
        try:
            self._spares.add(await self._new("run", modules))
        except PlatformFault as fault:
            fault.report(log)  # whoever needs one now is told

    async def _new(self, purpose: str, modules: Iterable[str]) -> Child:
        zygote = self._start()
        try:
            await zygote.load((), self._variables())
            return Child(zygote, purpose, self._later, tuple(modules))
        finally:
            zygote.retire()
