"""Blank interpreters for every environment that was used lately."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pumphouse.contracts.catalog import Code
from pumphouse.executor.environments import Held
from pumphouse.executor.interpreter_pool import InterpreterPool
from pumphouse.executor.process import RunnerProcess
from pumphouse.executor.pythons import is_blank


@dataclass(frozen=True)
class _Warm:
    held: Held
    pool: InterpreterPool

    async def close(self) -> None:
        try:
            await self.pool.close()
        finally:
            self.held.release()


class InterpreterPools:
    """See Backend. One pool for the executor's own Python, and one for each environment used last.

    An environment is held by its pool, and by each process that runs in it.
    """

    def __init__(
        self, blank: Path, install: Callable[[Code], Awaitable[Held]], *, spares: int, warm: int
    ) -> None:
        """spares: of each pool. warm: how many environments have one."""
        self._blank = InterpreterPool(blank, spares)
        self._install = install
        self._spares = spares
        self._most = warm
        self._warm: dict[str, _Warm] = {}
        self._cooling: set[asyncio.Task[None]] = set()

    def fill(self) -> None:
        """Start the spares of the executor's own Python."""
        self._blank.fill()

    async def sandbox(self, code: Code) -> RunnerProcess:
        if code.environment is None or is_blank(code.environment):
            return await self._blank.sandbox()
        warm = self._warm.get(code.environment.id)
        if warm is None:
            warm = self._begin(code.environment.id, await self._install(code))
        else:
            self._warm[code.environment.id] = self._warm.pop(code.environment.id)
        own = warm.held.shared()
        try:
            process = await warm.pool.sandbox()
        except BaseException:
            own.release()
            raise
        process.ended.add_done_callback(lambda _: own.release())
        return process

    async def close(self) -> None:
        for identifier in list(self._warm):
            self._cool(identifier)
        await asyncio.gather(self._blank.close(), *self._cooling)

    def _begin(self, identifier: str, held: Held) -> _Warm:
        if (there := self._warm.get(identifier)) is not None:
            held.release()
            return there
        warm = self._warm[identifier] = _Warm(held, InterpreterPool(held.interpreter, self._spares))
        for oldest in list(self._warm)[: max(0, len(self._warm) - self._most)]:
            self._cool(oldest)
        return warm

    def _cool(self, identifier: str) -> None:
        task = asyncio.create_task(self._warm.pop(identifier).close())
        self._cooling.add(task)
        task.add_done_callback(self._cooling.discard)
