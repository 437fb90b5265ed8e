"""How busy the machines of the executors were, as the registry keeps it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pumphouse.bus import Bus
from pumphouse.contracts.metrics import (
    Sample,
    SamplesListed,
    SamplesQueried,
    Worker,
    WorkerSampled,
)
from pumphouse.postgres import Pool
from pumphouse.registry.handlers import SampleHandlers
from pumphouse.registry.queries import Samples, Workers
from pumphouse.registry.queries import samples as statements
from tests.integration.registry.things import NOW, eventually


def sampled(second: int, worker: str = "one-1", **other: Any) -> WorkerSampled:
    sample = Sample(
        at=NOW + timedelta(seconds=second),
        cpu=float(second % 100),
        ram=40,
        disk=50,
        network_in=1000,
        network_out=2000,
    )
    given: dict[str, Any] = {"host": "one", "total_ram": 8_000, "total_disk": 90_000}
    return WorkerSampled(worker=worker, sample=sample, **(given | other))


def between(first: int, last: int, limit: int = 1000) -> SamplesQueried:
    since, until = (NOW + timedelta(seconds=second) for second in (first, last))
    return SamplesQueried(since=since, until=until, limit=limit)


def seconds(found: SamplesListed) -> dict[str, list[int]]:
    return {
        series.worker: [round((sample.at - NOW).total_seconds()) for sample in series.samples]
        for series in found.series
    }


async def test_what_an_executor_says_is_found_by_its_time(registry: Bus) -> None:
    for second in (10, 20, 30):
        await registry.publish(sampled(second))

    async def all_there() -> bool:
        return seconds(await registry.request(between(0, 60))) == {"one-1": [10, 20, 30]}

    await eventually(all_there)
    found = await registry.request(between(20, 30))
    assert [sample for series in found.series for sample in series.samples] == [
        sampled(20).sample,
        sampled(30).sample,
    ]
    assert await registry.request(between(31, 60)) == SamplesListed()


async def test_a_sample_delivered_twice_is_stored_once(pool: Pool) -> None:
    samples = Samples(pool)
    for _ in range(2):
        await samples.keep(sampled(1))
    assert await pool.fetchval("select count(*) from registry.worker_samples") == 1


async def test_totals_count_every_machine_once_and_as_it_was_last(pool: Pool) -> None:
    samples = Samples(pool)
    await samples.keep(sampled(1, "one-1"))
    await samples.keep(sampled(2, "one-2", total_disk=100_000))
    await samples.keep(sampled(3, "two-1", host="two", total_ram=16_000))
    found = await samples.between(NOW, NOW + timedelta(seconds=10), 1000)
    assert (found.total_ram, found.total_disk) == (24_000, 190_000)
    assert [series.worker for series in found.series] == ["one-1", "one-2", "two-1"]


@pytest.mark.parametrize(("limit", "expected"), [(1, [9]), (3, [3, 6, 9]), (5, [1, 3, 5, 7, 9])])
async def test_of_many_samples_some_stay_evenly_spread(
    pool: Pool, limit: int, expected: list[int]
) -> None:
    samples = Samples(pool)
    for second in range(10):
        await samples.keep(sampled(second))
    found = await samples.between(NOW, NOW + timedelta(seconds=10), limit)
    assert seconds(found) == {"one-1": expected}


async def test_with_many_workers_each_shows_fewer(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_SAMPLES", 6)
    samples = Samples(pool)
    for worker in ("one-1", "one-2", "one-3"):
        for second in range(10):
            await samples.keep(sampled(second, worker))
    found = await samples.between(NOW, NOW + timedelta(seconds=10), 1000)
    assert {worker: len(times) for worker, times in seconds(found).items()} == {
        "one-1": 2,
        "one-2": 2,
        "one-3": 2,
    }


async def test_of_every_worker_the_newest_is_known(pool: Pool) -> None:
    workers = Workers(pool)
    told: dict[str, Any] = {"isolation": 2, "missing": ("a: b",), "slots": 4, "pythons": ("3.11",)}
    await workers.keep(sampled(1, "two-1"))
    for second in (2, 3, 1, 3):
        await workers.keep(sampled(second, "one-1", **(told if second == 3 else {})))
    [one, two] = await workers.seen(NOW + timedelta(seconds=1))
    assert one == Worker(
        worker="one-1",
        host="one",
        seen_at=NOW + timedelta(seconds=3),
        total_ram=8_000,
        total_disk=90_000,
        **told,
    )
    assert (two.worker, two.isolation, two.missing, two.slots) == ("two-1", 0, (), 0)
    assert await workers.seen(NOW + timedelta(seconds=2)) == (one,)


async def test_old_samples_and_workers_are_forgotten(pool: Pool) -> None:
    samples, workers = Samples(pool), Workers(pool)
    age = (datetime.now(UTC) - NOW).total_seconds()
    for second in (int(age) - 100, int(age) - 10):
        await samples.keep(sampled(second))
        await workers.keep(sampled(second, f"one-{second}"))
    forgetting = asyncio.create_task(SampleHandlers(samples, workers).forget_old(life_s=60))

    async def one_is_left() -> bool:
        left = await pool.fetchval("select count(*) from registry.worker_samples")
        return (left, len(await workers.seen(NOW))) == (1, 1)

    await eventually(one_is_left)
    forgetting.cancel()
