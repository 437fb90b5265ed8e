"""Blank interpreters of one environment, a few of them started before they are needed."""

import asyncio
from collections import deque
from pathlib import Path

from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.process import RunnerProcess

_REFILL_AFTER_S = 0.01
_REFILL_AGAIN_AFTER_S = 1.0


class InterpreterPool:
    """A spare has loaded nothing and knows of nobody; each is used once."""

    def __init__(self, interpreter: Path, spares: int) -> None:
        self._interpreter = interpreter
        self._wanted = spares
        self._spares: deque[RunnerProcess] = deque()
        self._refill: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def sandbox(self) -> RunnerProcess:
        # Not now: the execution that takes a spare has the processor first.
        self._refill_later(_REFILL_AFTER_S)
        while self._spares:
            spare = self._spares.popleft()
            if not spare.ended.done():
                return spare
            await spare.finish(0)
        return RunnerProcess(self._interpreter)

    def fill(self) -> None:
        """Start what is missing of the spares."""
        self._refill = None
        try:
            while len(self._spares) < self._wanted and not self._is_closed:
                self._spares.append(RunnerProcess(self._interpreter))
        except PlatformFault:
            # Who needs one now is told; the spares can wait until there is room again.
            self._refill_later(_REFILL_AGAIN_AFTER_S)

    async def close(self) -> None:
        self._is_closed = True
        if self._refill is not None:
            self._refill.cancel()
        await asyncio.gather(*(spare.finish(0) for spare in self._spares))
        self._spares.clear()

    def _refill_later(self, rest_s: float) -> None:
        if self._refill is None and not self._is_closed:
            self._refill = asyncio.get_running_loop().call_later(rest_s, self.fill)
