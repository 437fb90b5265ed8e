"""What the registry hears of a run: that it has started, what it writes, how it ended."""

import asyncio
import contextlib
from typing import Protocol

from pumphouse.contracts.executions import (
    ExecutionLogged,
    ExecutionStarted,
    LogLine,
    PlanResolved,
)
from pumphouse.contracts.message import Message
from pumphouse.errors import Unavailable
from pumphouse.executor.record import Run

STARTED_AFTER_S = 0.1
LOG_EVERY_S = 0.5
FINISHED_LINES = 200
FINISHED_BYTES = 32 << 10
BATCH_LINES = 2000
BATCH_BYTES = 256 << 10

_LONGEST_REST_S = 5.0


class Publisher(Protocol):
    """What is needed of a bus here."""

    async def publish(self, message: Message) -> None: ...

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None: ...


async def deliver(bus: Publisher, message: Message) -> None:
    """Publish, again and again while the bus cannot: what happened must not be lost."""
    rest_s = 0.1
    while True:
        try:
            await bus.publish(message)
        except Unavailable:
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, _LONGEST_REST_S)
        else:
            return


class Progress:
    """Follows one run. Nothing is said of a run that is over within moments."""

    def __init__(self, bus: Publisher, plan: PlanResolved, run: Run) -> None:
        self._bus = bus
        self._plan = plan
        self._run = run
        self._record = run.record
        self._sent = 0
        self._over = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(STARTED_AFTER_S, self._look)

    def close(self) -> tuple[int, tuple[LogLine, ...]]:
        """The position and the lines that travel with the end of the run; others come before."""
        self._timer.cancel()
        self._over.set()
        self._record.log.close()
        rest = self._record.log.lines[self._sent :]
        if len(rest) > FINISHED_LINES or sum(map(size_of, rest)) > FINISHED_BYTES:
            return len(self._record.log.lines), ()
        self._sent += len(rest)
        return self._sent - len(rest), tuple(rest)

    async def all_told(self) -> None:
        """Return when the registry has all that is not to travel with the end."""
        if self._telling is not None:
            await self._telling
        await self._tell_lines()

    def abandon(self) -> None:
        """Say no more."""
        self._timer.cancel()
        if self._telling is not None:
            self._telling.cancel()

    def _look(self) -> None:
        """Announce a run that has lasted a while; look again at one that waits for its turn."""
        loop = asyncio.get_running_loop()
        began_at = self._record.began_at
        rest_s = STARTED_AFTER_S if began_at is None else began_at + STARTED_AFTER_S - loop.time()
        if rest_s > 0:
            self._timer = loop.call_later(rest_s, self._look)
        else:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        assert self._record.started_at is not None
        await deliver(
            self._bus,
            ExecutionStarted(
                execution_id=self._plan.execution_id,
                attempt=self._run.attempt,
                started_at=self._record.started_at,
                inputs=self._plan.inputs,
                outputs=self._plan.outputs,
            ),
        )
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOG_EVERY_S):
                    await self._over.wait()
                    return
            await self._tell_lines()

    async def _tell_lines(self) -> None:
        while batch := next_batch(self._record.log.lines, self._sent):
            position, self._sent = self._sent, self._sent + len(batch)
            await deliver(
                self._bus,
                ExecutionLogged(
                    execution_id=self._plan.execution_id,
                    attempt=self._run.attempt,
                    position=position,
                    lines=batch,
                ),
            )


def next_batch(lines: list[LogLine], position: int) -> tuple[LogLine, ...]:
    """The lines from `position` on, up to BATCH_LINES and about BATCH_BYTES of them."""
    batch: list[LogLine] = []
    size = 0
    for line in lines[position : position + BATCH_LINES]:
        batch.append(line)
        size += size_of(line)
        if size > BATCH_BYTES:
            break
    return tuple(batch)


def size_of(line: LogLine) -> int:
    """About how many bytes of a message the line is."""
    return len(line.text) + 64
