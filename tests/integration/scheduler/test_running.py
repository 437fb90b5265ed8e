import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pumphouse.bus import Envelope
from pumphouse.bus.memory import MemoryBus
from pumphouse.bus.topology import REGISTRY_EVENTS, REGISTRY_REQUESTS
from pumphouse.contracts.catalog import CatalogChanged, CatalogListed, CatalogRequested
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.scheduler.app import running
from pumphouse.scheduler.firing import Scheduler
from pumphouse.scheduler.settings import Settings
from tests.integration.scheduler.stage import FakeRegistry, Stage, every
from tests.unit.mapping.samples import NOON


@asynccontextmanager
async def at_work(*schedulers: Scheduler) -> AsyncIterator[None]:
    loops = [asyncio.create_task(scheduler.run()) for scheduler in schedulers]
    try:
        yield
    finally:
        for scheduler in schedulers:
            scheduler.stop()
        async with asyncio.timeout(10):
            await asyncio.gather(*loops)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is polled is a database or a list
            await asyncio.sleep(0.01)


async def test_two_running_schedulers_fire_each_minute_once(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()

    def ten_minutes_a_second() -> datetime:
        return NOON + timedelta(seconds=600 * (loop.time() - started))

    stage.registry.tell(every(), every("*/2 * * * *"))
    options = {"clock": ten_minutes_a_second, "misfire_grace": timedelta(hours=10), "look_s": 0.05}
    async with at_work(stage.scheduler(**options), stage.scheduler(**options)):
        await until(lambda: len(stage.fired) >= 12)
    rows = await stage.ledger()
    assert Counter(stage.fired) == Counter(row["execution_id"] for row in rows)
    for identifier in {row["deployment_id"] for row in rows}:
        slots = [row["slot"] for row in rows if row["deployment_id"] == identifier]
        assert len({later - earlier for earlier, later in itertools.pairwise(slots)}) == 1


async def test_a_scheduler_waits_for_a_registry_that_is_not_there_yet(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.registry.is_away = True
    stage.now = NOON + timedelta(minutes=1)
    asked = asyncio.Event()
    scheduler = stage.scheduler(retry_s=0.01)

    async def away_at_first(revision: int) -> CatalogListed:
        asked.set()
        return await FakeRegistry.changes_after(stage.registry, revision)

    stage.registry.changes_after = away_at_first  # type: ignore[method-assign]
    async with at_work(scheduler):
        await asked.wait()
        assert stage.fired == []
        stage.registry.is_away = False
        await until(lambda: len(stage.fired) == 1)


async def test_a_scheduler_with_nothing_due_sleeps(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.now = NOON + timedelta(minutes=1)
    looks = itertools.count()

    def counted() -> datetime:
        next(looks)
        return stage.now

    async with at_work(stage.scheduler(clock=counted)):
        await until(lambda: len(stage.fired) == 1)
        before = next(looks)
        await asyncio.sleep(0.3)  # the subject of the test is what happens while nothing does
        assert next(looks) - before < 20


async def test_an_announced_schedule_is_heard_while_the_scheduler_sleeps(database_url: str) -> None:
    bus = MemoryBus()
    registry = FakeRegistry()
    heard: list[TriggerAccepted] = []

    async def listed(request: CatalogRequested) -> CatalogListed:
        return await registry.changes_after(request.after)

    async def accepted(trigger: TriggerAccepted, _: Envelope) -> None:
        heard.append(trigger)

    await bus.serve(REGISTRY_REQUESTS, {CatalogRequested: listed})
    await bus.consume(REGISTRY_EVENTS, {TriggerAccepted: accepted})
    async with running(Settings(database_url=database_url), bus):
        # The last full minute is less than 60 s ago, and later than the deployment.
        deployment = every(updated_at=datetime.now(UTC) - timedelta(seconds=61))
        registry.tell(deployment)
        await bus.publish(CatalogChanged(changes=tuple(registry.changes)))
        await until(lambda: len(heard) > 0)
    assert heard[0].deployment_id == deployment.id
    await bus.close()
