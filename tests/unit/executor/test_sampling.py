"""How busy a machine is, from one look at it to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from pumphouse.contracts.message import Message
from pumphouse.contracts.metrics import WorkerSampled
from pumphouse.errors import Unavailable
from pumphouse.executor import sampling as module
from pumphouse.executor.sampling import Reading, WorkerFacts, read, sample_of, sampling

BEFORE = Reading(
    at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    at_s=100,
    cpu_s=1000,
    cpu_idle_s=800,
    ram=40,
    disk=50,
    received=10_000,
    sent=5_000,
    total_ram=8_000,
    total_disk=90_000,
)


def later(**other: Any) -> Reading:
    """A reading ten seconds after BEFORE, on a machine with two processors."""
    given: dict[str, Any] = {
        "at": BEFORE.at + timedelta(seconds=10),
        "at_s": 110,
        "cpu_s": 1020,
        "cpu_idle_s": 815,
        "received": 30_000,
        "sent": 5_500,
    }
    return Reading(**{**vars(BEFORE), **given, **other})


class FakeBus:
    """Keeps what is published; `fails` of them are refused first."""

    def __init__(self, fails: int = 0) -> None:
        self.samples: list[WorkerSampled] = []
        self.came = asyncio.Event()
        self._fails = fails

    async def publish(self, message: Message) -> None:
        if self._fails:
            self._fails -= 1
            raise Unavailable("The broker is away.")
        assert isinstance(message, WorkerSampled)
        self.samples.append(message)
        self.came.set()


@asynccontextmanager
async def first_samples(bus: FakeBus, folder: Path, count: int) -> AsyncIterator[None]:
    """With sampling at work that has published `count` samples."""
    async with sampling(bus, folder, every_s=0.01), asyncio.timeout(60):
        while len(bus.samples) < count:
            bus.came.clear()
            await bus.came.wait()
        yield


def test_a_sample_is_of_the_time_between_two_readings() -> None:
    sample = sample_of(BEFORE, later())
    assert (sample.at, sample.cpu, sample.ram, sample.disk) == (later().at, 25.0, 40, 50)
    assert (sample.network_in, sample.network_out) == (2000.0, 50.0)


@pytest.mark.parametrize(
    "odd",
    [
        {"received": 0, "sent": 0},
        {"cpu_s": 1000, "cpu_idle_s": 800},
        {"cpu_s": 900, "cpu_idle_s": 700},
        {"cpu_idle_s": 790},
        {"cpu_idle_s": 830},
        {"at_s": 100},
    ],
)
def test_counters_that_stand_or_go_back_give_numbers_that_can_be(odd: dict[str, Any]) -> None:
    sample = sample_of(BEFORE, later(**odd))
    assert 0 <= sample.cpu <= 100
    assert sample.network_in >= 0
    assert sample.network_out >= 0
    assert b"null" not in msgspec.json.encode(sample)


def test_a_reading_says_what_the_system_says(tmp_path: Path) -> None:
    reading = read(tmp_path)
    assert reading.total_ram == psutil.virtual_memory().total
    assert reading.total_disk == psutil.disk_usage(str(tmp_path)).total
    assert 0 < reading.ram <= 100
    assert 0 < reading.cpu_idle_s < reading.cpu_s
    assert abs(datetime.now(UTC) - reading.at) < timedelta(seconds=60)


async def test_the_first_sample_comes_at_once_and_others_follow(tmp_path: Path) -> None:
    bus = FakeBus()
    async with first_samples(bus, tmp_path, count=3):
        one, two, three = bus.samples[:3]
    assert one.sample.at < two.sample.at < three.sample.at
    assert one.worker.startswith(f"{one.host}-")
    assert {sampled.worker for sampled in bus.samples} == {one.worker}


async def test_the_first_sample_does_not_wait_for_the_pause_between_two(tmp_path: Path) -> None:
    bus = FakeBus()
    async with sampling(bus, tmp_path, every_s=3600), asyncio.timeout(60):
        await bus.came.wait()


async def test_what_the_executor_can_run_goes_with_every_sample(tmp_path: Path) -> None:
    bus = FakeBus()
    facts = WorkerFacts(isolation=2, missing=("a: b",), slots=4, pythons=("3.11", "3.12"))
    async with sampling(bus, tmp_path, every_s=3600, facts=lambda: facts), asyncio.timeout(60):
        await bus.came.wait()
    [one] = bus.samples
    assert WorkerFacts(**{name: getattr(one, name) for name in vars(facts)}) == facts


async def test_samples_go_on_after_the_bus_was_away(tmp_path: Path) -> None:
    bus = FakeBus(fails=3)
    async with first_samples(bus, tmp_path, count=1):
        assert bus.samples


async def test_samples_go_on_after_the_system_would_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([OSError("gone"), psutil.AccessDenied()])

    def read_at_last(folder: Path) -> Reading:
        if (refusal := next(refusals, None)) is not None:
            raise refusal
        return read(folder)

    monkeypatch.setattr(module, "read", read_at_last)
    bus = FakeBus()
    async with first_samples(bus, tmp_path, count=1):
        assert bus.samples


async def test_a_failure_that_nobody_thought_of_ends_nothing_but_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Path) -> Reading:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "read", fail)
    async with sampling(FakeBus(), tmp_path, every_s=0.01), asyncio.timeout(60):
        while True:
            if caplog.records:
                break
            await asyncio.sleep(0.01)
    assert "no more how busy" in caplog.text
