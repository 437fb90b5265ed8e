"""What the process of a pod writes outside of executions, on its way to the registry."""

import asyncio
import contextlib

from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.pods import PodLogged
from pumphouse.executor.logs import logged, remark
from pumphouse.executor.reporting import LOG_EVERY_S, Publisher, deliver, next_batch, size_of

HELD_LIMIT = 1 << 20
"""Bytes that are not told yet; what is written beyond them is counted and dropped."""

FAREWELL_S = 5.0
"""How long the last lines may take to be told."""


class PodLog:
    """The log of one process of a pod, told in batches, with a rest between two of them."""

    def __init__(self, bus: Publisher, deployment_id: str, pod_id: str) -> None:
        self.pod_id = pod_id
        self._bus = bus
        self._deployment_id = deployment_id
        self._lines: list[LogLine] = []
        self._size = 0
        self._dropped = 0
        self._told = 0
        self._is_closed = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    def add(self, stream: str, line: bytes, cut: int) -> None:
        if self._size > HELD_LIMIT:
            self._dropped += 1
            return
        self._hold(logged(stream, line, cut))

    def note(self, text: str) -> None:
        self._hold(remark(text))

    @property
    def is_told(self) -> bool:
        return self._telling is None or self._telling.done()

    def close(self) -> None:
        """Tell the rest without further rests."""
        self._is_closed.set()

    async def told(self) -> None:
        """Return when all is told, or given up after a while."""
        if self._telling is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._telling

    def _hold(self, line: LogLine) -> None:
        self._lines.append(line)
        self._size += size_of(line)
        if self.is_told:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._lines:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOG_EVERY_S):
                    await self._is_closed.wait()
            await self._tell_some()

    async def _tell_some(self) -> None:
        if self._dropped:
            self._lines.append(
                remark(f"{self._dropped} more lines were dropped: they came too fast to be kept")
            )
            self._dropped = 0
        batch = next_batch(self._lines, 0)
        del self._lines[: len(batch)]
        self._size = sum(map(size_of, self._lines))
        position, self._told = self._told, self._told + len(batch)
        await deliver(
            self._bus,
            PodLogged(
                deployment_id=self._deployment_id,
                pod_id=self.pod_id,
                position=position,
                lines=batch,
            ),
        )
