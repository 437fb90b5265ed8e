"""The backend of processes: blank ones for every environment that was used lately."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pumphouse.contracts.catalog import Code
from pumphouse.executor.archives import Archives
from pumphouse.executor.child import Child
from pumphouse.executor.environments import Held
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.libraries import libraries_of
from pumphouse.executor.pythons import is_blank
from pumphouse.executor.sandbox import Wish
from pumphouse.executor.warm_environment import WarmEnvironment
from pumphouse.executor.workspace import Later
from pumphouse.executor.zygote import Zygote

log = logging.getLogger(__name__)

_MOST_KNOWN = 1000
_END_WITHIN_S = 5.0


@dataclass(frozen=True)
class _Warm:
    """held: the environment; None for the executor's own Python, which is always there."""

    environment: WarmEnvironment
    held: Held | None

    async def close(self) -> None:
        try:
            await self.environment.close()
        finally:
            if self.held is not None:
                self.held.release()


class Processes:
    """See Backend. One warm environment for the executor's own Python, and those used last.

    An environment is held while it is warm, and by each zygote in it.
    """

    def __init__(
        self,
        blank: Path,
        install: Callable[[Code], Awaitable[Held]],
        archives: Archives,
        start: Callable[[Path], Zygote],
        later: Later,
        variables: Callable[[], Mapping[str, str]],
        *,
        spares: int,
        warm: int,
    ) -> None:
        """blank: the executor's own interpreter. install: has an environment here. start: a zygote
        in an interpreter. spares: of each environment. warm: how many environments are so.
        """
        self._install = install
        self._archives = archives
        self._start_in = start
        self._zygotes: set[Zygote] = set()
        self._make = partial(WarmEnvironment, later=later, variables=variables, spares=spares)
        self._blank = _Warm(self._make(lambda: self._start(blank)), None)
        self._most = warm
        self._warm: dict[str, _Warm] = {}
        self._known: dict[str, set[str]] = {}
        """Libraries of each code that was run lately, by the key of its archive."""
        self._cooling: set[asyncio.Task[None]] = set()

    async def warm(self) -> None:
        """Have processes of the executor's own Python ready, if that can be."""
        try:
            await self._blank.environment.warm()
        except PlatformFault as fault:
            fault.report(log)  # each execution tries again, and says so in its end

    async def sandbox(self, wish: Wish) -> Child:
        if wish.is_pod:
            return await (await self._environment(wish.code)).environment.pod()
        libraries = await self._libraries(wish.code.archive)
        return await (await self._environment(wish.code)).environment.child(libraries)

    async def close(self) -> None:
        for identifier in list(self._warm):
            self._cool(identifier)
        await asyncio.gather(self._blank.close(), *self._cooling)
        await self._all_ended()

    async def _all_ended(self) -> None:
        """Return when no process is left; what does not end by itself is ended."""
        left = {zygote.ended for zygote in self._zygotes}
        if left:
            await asyncio.wait(left, timeout=_END_WITHIN_S)
        for zygote in self._zygotes:
            zygote.destroy()
        if left:
            await asyncio.wait(left)

    def _start(self, interpreter: Path) -> Zygote:
        zygote = self._start_in(interpreter)
        self._zygotes.add(zygote)
        zygote.ended.add_done_callback(lambda _: self._zygotes.discard(zygote))
        return zygote

    async def _libraries(self, archive: str) -> set[str]:
        if (known := self._known.get(archive)) is None:
            folder = await self._archives.extracted(archive)
            known = self._known[archive] = await asyncio.to_thread(libraries_of, folder)
            for oldest in list(self._known)[:-_MOST_KNOWN]:
                del self._known[oldest]
        return known

    async def _environment(self, code: Code) -> _Warm:
        if code.environment is None or is_blank(code.environment):
            return self._blank
        identifier = code.environment.id
        if (warm := self._warm.get(identifier)) is None:
            return self._begin(identifier, await self._install(code))
        self._warm[identifier] = self._warm.pop(identifier)
        return warm

    def _begin(self, identifier: str, held: Held) -> _Warm:
        if (there := self._warm.get(identifier)) is not None:
            held.release()
            return there

        def start() -> Zygote:
            own = held.shared()
            try:
                zygote = self._start(held.interpreter)
            except BaseException:
                own.release()
                raise
            zygote.ended.add_done_callback(lambda _: own.release())
            return zygote

        warm = self._warm[identifier] = _Warm(self._make(start), held)
        for oldest in list(self._warm)[: max(0, len(self._warm) - self._most)]:
            self._cool(oldest)
        return warm

    def _cool(self, identifier: str) -> None:
        task = asyncio.create_task(self._warm.pop(identifier).close())
        self._cooling.add(task)
        task.add_done_callback(self._cooling.discard)
