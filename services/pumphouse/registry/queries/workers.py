"""Storing and reading what each executor has said of itself last."""

from datetime import datetime

import asyncpg

from pumphouse.contracts.metrics import Worker, WorkerSampled
from pumphouse.postgres import Pool, connection

_KEEP = """
insert into registry.workers
    (worker, seen_at, host, isolation, missing, slots, pythons, total_ram, total_disk)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (worker) do update set
    seen_at = excluded.seen_at, host = excluded.host, isolation = excluded.isolation,
    missing = excluded.missing, slots = excluded.slots, pythons = excluded.pythons,
    total_ram = excluded.total_ram, total_disk = excluded.total_disk
where workers.seen_at < excluded.seen_at
"""
_SEEN = """
select worker, seen_at, host, isolation, missing, slots, pythons, total_ram, total_disk
from registry.workers where seen_at >= $1 order by worker limit $2
"""
_FORGET = "delete from registry.workers where seen_at < $1"

MAX_WORKERS = 2_000
"""Of one answer, so that it fits into a message."""


class Workers:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, event: WorkerSampled) -> None:
        """Remember the worker so, unless something newer is known of it."""
        async with connection(self._pool) as held:
            await held.execute(
                _KEEP,
                event.worker,
                event.sample.at,
                event.host,
                event.isolation,
                event.missing,
                event.slots,
                event.pythons,
                event.total_ram,
                event.total_disk,
            )

    async def seen(self, since: datetime) -> tuple[Worker, ...]:
        """Those that have said something at `since` or later, by their names."""
        async with connection(self._pool) as held:
            return tuple(map(_worker, await held.fetch(_SEEN, since, MAX_WORKERS)))

    async def forget(self, before: datetime) -> None:
        """Delete those that were last seen earlier."""
        async with connection(self._pool) as held:
            await held.execute(_FORGET, before)


def _worker(row: asyncpg.Record) -> Worker:
    return Worker(
        worker=row["worker"],
        host=row["host"],
        isolation=row["isolation"],
        missing=tuple(row["missing"]),
        slots=row["slots"],
        pythons=tuple(row["pythons"]),
        seen_at=row["seen_at"],
        total_ram=row["total_ram"],
        total_disk=row["total_disk"],
    )
