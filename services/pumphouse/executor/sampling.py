"""Tells the registry every few seconds how busy the machine of this executor is."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psutil

from pumphouse.contracts.message import Message
from pumphouse.contracts.metrics import Sample, WorkerSampled
from pumphouse.errors import Unavailable

log = logging.getLogger(__name__)

FIRST_AFTER_S = 0.2
"""The first sample says something of the time since the start, so that it takes a moment."""

_LOOPBACKS = ("lo", "lo0")


class Publisher(Protocol):
    async def publish(self, message: Message) -> None: ...


@dataclass(frozen=True, kw_only=True)
class WorkerFacts:
    """What an executor is; the fields are those of WorkerSampled."""

    isolation: int = 0
    missing: tuple[str, ...] = ()
    slots: int = 0
    pythons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What the system says at one moment.

    at_s: of a clock that never goes back. cpu_s: of all processors since the machine began, and
    cpu_idle_s: what they had nothing to do of it. ram, disk: percent. received, sent: bytes since
    then, without what the machine says to itself. total_ram, total_disk: bytes.
    """

    at: datetime
    at_s: float
    cpu_s: float
    cpu_idle_s: float
    ram: float
    disk: float
    received: int
    sent: int
    total_ram: int
    total_disk: int


def read(folder: Path) -> Reading:
    """The state of this machine; folder: on the disk that counts. Raises OSError, psutil.Error."""
    cpu = psutil.cpu_times()
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(folder))
    networks = [
        counters
        for name, counters in psutil.net_io_counters(pernic=True).items()
        if name not in _LOOPBACKS
    ]
    # Time of guests is in the time of users, too.
    guests = getattr(cpu, "guest", 0.0) + getattr(cpu, "guest_nice", 0.0)
    return Reading(
        at=datetime.now(UTC),
        at_s=time.monotonic(),
        cpu_s=sum(cpu) - guests,
        cpu_idle_s=cpu.idle + getattr(cpu, "iowait", 0.0),
        ram=memory.percent,
        disk=disk.percent,
        received=sum(counters.bytes_recv for counters in networks),
        sent=sum(counters.bytes_sent for counters in networks),
        total_ram=memory.total,
        total_disk=disk.total,
    )


def sample_of(before: Reading, after: Reading) -> Sample:
    """What happened between two readings. A counter that went back counts as one that stood."""
    passed_s = max(after.at_s - before.at_s, 1e-3)
    cpu_s = after.cpu_s - before.cpu_s
    busy_s = cpu_s - (after.cpu_idle_s - before.cpu_idle_s)
    return Sample(
        at=after.at,
        cpu=min(max(100 * busy_s / cpu_s, 0.0), 100.0) if cpu_s > 0 else 0.0,
        ram=after.ram,
        disk=after.disk,
        network_in=max(after.received - before.received, 0) / passed_s,
        network_out=max(after.sent - before.sent, 0) / passed_s,
    )


@asynccontextmanager
async def sampling(
    bus: Publisher, folder: Path, every_s: float, facts: Callable[[], WorkerFacts] = WorkerFacts
) -> AsyncIterator[None]:
    """Publish samples while the context is open: the first at once, then each `every_s` seconds.

    facts: what is known of this executor by then.
    A sample that cannot be taken or published is left out.
    """
    host = socket.gethostname()
    sampler = _Sampler(bus, folder, host, f"{host}-{os.getpid()}", facts)
    task = asyncio.create_task(sampler.run(every_s))
    task.add_done_callback(_tell_of_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@dataclass(frozen=True)
class _Sampler:
    bus: Publisher
    folder: Path
    host: str
    worker: str
    facts: Callable[[], WorkerFacts]

    async def run(self, every_s: float) -> None:
        before = await self._reading()
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            now = await self._reading()
            if before is not None and now is not None:
                await self._publish(before, now)
            before = now or before
            await asyncio.sleep(every_s)

    async def _reading(self) -> Reading | None:
        try:
            return await asyncio.to_thread(read, self.folder)
        except (OSError, psutil.Error) as error:
            log.warning("it is not known how busy this machine is: %s", error)
            return None

    async def _publish(self, before: Reading, now: Reading) -> None:
        facts = self.facts()
        sampled = WorkerSampled(
            worker=self.worker,
            host=self.host,
            sample=sample_of(before, now),
            total_ram=now.total_ram,
            total_disk=now.total_disk,
            isolation=facts.isolation,
            missing=facts.missing,
            slots=facts.slots,
            pythons=facts.pythons,
        )
        with suppress(Unavailable):
            await self.bus.publish(sampled)


def _tell_of_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("this executor tells no more how busy it is", exc_info=error)
