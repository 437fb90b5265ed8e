"""Storing and reading how busy the machines of the executors were."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import asyncpg

from pumphouse.contracts.metrics import Sample, SamplesListed, WorkerSampled, WorkerSeries
from pumphouse.postgres import Pool, connection, transaction

_KEEP = """
insert into registry.worker_samples
    (worker, at, host, cpu, ram, disk, network_in, network_out, total_ram, total_disk)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict do nothing
"""
# Of `many` samples the n-th stays when n * most / many passes a whole number: `most` of them do.
_BETWEEN = """
select worker, at, cpu, ram, disk, network_in, network_out
from (
    select *, row_number() over (partition by worker order by at) as number,
        count(*) over (partition by worker) as many,
        greatest(least($3::bigint, $4 / (
            select count(distinct worker) from registry.worker_samples where at between $1 and $2
        )), 1) as most
    from registry.worker_samples where at between $1 and $2
) numbered
where number * most / many > (number - 1) * most / many
order by worker, at
"""
_TOTALS = """
select coalesce(sum(total_ram), 0)::bigint as ram, coalesce(sum(total_disk), 0)::bigint as disk
from (
    select distinct on (host) total_ram, total_disk
    from registry.worker_samples where at between $1 and $2 order by host, at desc
) latest
"""
_FORGET = "delete from registry.worker_samples where at < $1"

MAX_SAMPLES = 20_000
"""Of one answer, so that it fits into a message: with very many workers, fewer of each."""


class Samples:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, event: WorkerSampled) -> None:
        """Store a sample; nothing happens when it is stored already."""
        sample = event.sample
        async with connection(self._pool) as held:
            await held.execute(
                _KEEP,
                event.worker,
                sample.at,
                event.host,
                sample.cpu,
                sample.ram,
                sample.disk,
                sample.network_in,
                sample.network_out,
                event.total_ram,
                event.total_disk,
            )

    async def between(self, since: datetime, until: datetime, limit: int) -> SamplesListed:
        """limit: at most so many of each worker, spread evenly."""
        async with transaction(self._pool) as held:
            rows = await held.fetch(_BETWEEN, since, until, limit, MAX_SAMPLES)
            totals = await held.fetchrow(_TOTALS, since, until)
        assert totals is not None
        return SamplesListed(
            series=_series(rows), total_ram=totals["ram"], total_disk=totals["disk"]
        )

    async def forget(self, before: datetime) -> None:
        """Delete what is older."""
        async with connection(self._pool) as held:
            await held.execute(_FORGET, before)


def _series(rows: Sequence[asyncpg.Record]) -> tuple[WorkerSeries, ...]:
    return tuple(
        WorkerSeries(worker=worker, samples=tuple(map(_sample, of_worker)))
        for worker, of_worker in groupby(rows, key=lambda row: str(row["worker"]))
    )


def _sample(row: asyncpg.Record) -> Sample:
    return Sample(
        at=row["at"],
        cpu=row["cpu"],
        ram=row["ram"],
        disk=row["disk"],
        network_in=row["network_in"],
        network_out=row["network_out"],
    )
