"""One environment in which blank processes are ready sooner than an interpreter could start."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from time import monotonic
from typing import Any

from pumphouse.executor.child import Child
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.generation import Generation
from pumphouse.executor.libraries import is_library
from pumphouse.executor.solos import Solos
from pumphouse.executor.workspace import Later
from pumphouse.executor.zygote import Zygote
from pumphouse.executor.zygote_frames import Loaded

log = logging.getLogger(__name__)

MOST_LIBRARIES = 10_000

_RENEW_AFTER_S = 0.5
_REFILL_AFTER_S = 0.002
_DEATHS_WITHIN_S = 60.0
_MOST_DEATHS = 3


class WarmEnvironment:
    """Learns which libraries its children import, and has the next zygote load them.

    Where a process must not fork once it has loaded them, each child is a fresh interpreter, which
    imports them while it waits.
    """

    def __init__(
        self,
        start: Callable[[], Zygote],
        later: Later,
        variables: Callable[[], Mapping[str, str]],
        *,
        spares: int,
    ) -> None:
        """start: a new zygote. variables: of all executions. spares: children that wait."""
        self._start = start
        self._later = later
        self._variables = variables
        self._wanted = spares
        self._libraries: set[str] = set()
        self._loaded: frozenset[str] = frozenset()
        self._generation: Generation | None = None
        self._solos = Solos(start, later, variables)
        self.hindrance = ""
        """Why it does not fork; empty while it does."""
        self._turn = asyncio.Lock()
        self._deaths: deque[float] = deque(maxlen=_MOST_DEATHS)
        self._chores: set[asyncio.Task[None]] = set()
        self._refill: asyncio.TimerHandle | None = None
        self._is_learning = True
        self._is_renewing = False
        self._is_closed = False

    async def child(self, libraries: Iterable[str] = ()) -> Child:
        """A process that has run nothing. libraries: what it will most likely import.

        Raises PlatformFault.
        """
        self._learn(libraries)
        generation = await self._fitting()
        # Not now: the execution that takes a spare has the processor first.
        self._refill_later()
        child = await self._solos.spare() if generation is None else generation.child()
        child.ended.add_done_callback(lambda _: self._learn(child.imported))
        return child

    async def pod(self) -> Child:
        """A process to live long, beside the others. Raises PlatformFault."""
        return await self._solos.child("pod")

    async def warm(self) -> None:
        """Have spares ready. Raises PlatformFault."""
        await self._fitting()
        self._refill_now()

    async def close(self) -> None:
        """End what waits; children at work go on."""
        self._is_closed = True
        if self._refill is not None:
            self._refill.cancel()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        if self._generation is not None:
            await self._generation.retire()
        await self._solos.close()

    # -- zygotes

    async def _fitting(self) -> Generation | None:
        """What to fork from, started where nothing fits; None where nothing may be forked."""
        if self.hindrance:
            return None
        variables = self._variables()
        if self._generation is None or not self._generation.fits(variables):
            async with self._turn:
                if self._generation is None or not self._generation.fits(variables):
                    await self._begin(variables)
        return None if self.hindrance else self._generation

    async def _begin(self, variables: Mapping[str, str]) -> None:
        zygote, loaded = await self._with_libraries(variables)
        earlier, self._generation = self._generation, None
        if earlier is not None:
            self._begin_chore(earlier.retire())
        if hindrance := loaded.hindrance or zygote.enclosure.hindrance(loaded.read):
            self._stop_forking(hindrance)
            zygote.retire()
        else:
            self._generation = Generation(zygote, loaded, variables, self._later)
            zygote.ended.add_done_callback(lambda _: self._ended(zygote))

    async def _with_libraries(self, variables: Mapping[str, str]) -> tuple[Zygote, Loaded]:
        """A zygote that has loaded them: the second one, when the first dies of it or otherwise.

        When that dies too, the next loads none, now and later: whoever needs what ended it is told
        in its own execution. Raises PlatformFault.
        """
        for remaining in (2, 1, 0):
            if not remaining:
                self._libraries.clear()
                self._is_learning = False
            libraries = frozenset(self._libraries)
            zygote = self._start()
            try:
                loaded = await zygote.load(sorted(libraries), variables)
            except BaseException as error:
                zygote.destroy()
                if not (remaining and isinstance(error, PlatformFault)):
                    raise
                error.report(log)
            else:
                break
        self._loaded = libraries
        return zygote, loaded

    def _stop_forking(self, reason: str) -> None:
        log.info("processes are not forked from loaded libraries here: %s", reason)
        self.hindrance = reason

    def _ended(self, zygote: Zygote) -> None:
        if self._is_closed or self._generation is None or self._generation.zygote is not zygote:
            return
        log.warning("a zygote has ended: %s", zygote.said)
        self._deaths.append(monotonic())
        if len(self._deaths) == _MOST_DEATHS and self._deaths[0] > monotonic() - _DEATHS_WITHIN_S:
            self._stop_forking(f"{_MOST_DEATHS} zygotes have ended within a minute")

    # -- libraries

    def _learn(self, names: Iterable[str]) -> None:
        """Have what is new loaded by the next zygote, which is started in a moment."""
        if self._is_learning and len(self._libraries) < MOST_LIBRARIES:
            self._libraries.update(filter(is_library, names))
        may_renew = self._generation is not None and not self._is_renewing and not self._is_closed
        if may_renew and not self.hindrance and not self._libraries <= self._loaded:
            self._is_renewing = True
            self._begin_chore(self._renew())

    async def _renew(self) -> None:
        try:
            await asyncio.sleep(_RENEW_AFTER_S)
            async with self._turn:
                await self._begin(self._variables())
            self._refill_now()
        except PlatformFault as fault:
            fault.report(log)
        finally:
            self._is_renewing = False

    # -- spares

    def _refill_later(self) -> None:
        if self._refill is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._refill = loop.call_later(_REFILL_AFTER_S, self._refill_now)

    def _refill_now(self) -> None:
        self._refill = None
        if self._is_closed:
            return
        try:
            if self.hindrance:
                self._solos.refill(self._wanted, self._libraries)
            elif self._generation is not None:
                self._generation.refill(self._wanted)
        except PlatformFault as fault:
            fault.report(log)  # whoever needs one now is told

    def _begin_chore(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
