import asyncio
from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.mappings import Constant, InputMapping, Mapping
from pumphouse.contracts.vocabulary import Mode, Origin
from pumphouse.errors import Unavailable
from pumphouse.postgres import open_pool
from tests.integration.scheduler.stage import MINUTE, Stage, every
from tests.unit.mapping.samples import NOON, PIPELINE_ID, USER_ID

SECOND = timedelta(seconds=1)


async def test_a_due_slot_fires_with_the_mapping_of_its_deployment(stage: Stage) -> None:
    mapping = Mapping(inputs=(InputMapping(input="a", source=Constant(value=1)),))
    deployment = every(mapping=mapping, mode=Mode.LOW_LATENCY)
    stage.registry.tell(deployment)
    stage.now = NOON + MINUTE + SECOND
    await stage.scheduler().fire_due()
    [row] = await stage.ledger()
    assert stage.bus.triggers == [
        TriggerAccepted(
            execution_id=row["execution_id"],
            origin=Origin.SCHEDULE,
            pipeline_id=PIPELINE_ID,
            deployment_id=deployment.id,
            mapping=mapping,
            accepted_at=stage.now,
            accepted_by=USER_ID,
            catalog_revision=1,
        )
    ]
    assert (row["deployment_id"], row["slot"]) == (deployment.id, NOON + MINUTE)
    assert row["status"] == "published"


async def test_two_schedulers_fire_each_slot_once(stage: Stage) -> None:
    stage.registry.tell(*(every() for _ in range(20)))
    schedulers = [stage.scheduler(), stage.scheduler()]
    for minute in range(1, 6):
        stage.now = NOON + minute * MINUTE
        await asyncio.gather(*(scheduler.fire_due() for scheduler in schedulers))
    assert await stage.statuses() == {"published": 100}
    assert Counter(stage.fired) == Counter(row["execution_id"] for row in await stage.ledger())


async def test_a_restart_fires_nothing_again(stage: Stage) -> None:
    stage.registry.tell(every(), every())
    stage.now = NOON + MINUTE
    await stage.scheduler().fire_due()
    await stage.scheduler().fire_due()
    stage.now += 30 * SECOND
    await stage.scheduler().fire_due()
    assert len(stage.bus.triggers) == 2


async def test_slots_missed_while_nobody_ran_fire_late_or_say_why_not(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.now = NOON + MINUTE
    await stage.scheduler().fire_due()
    stage.now = NOON + 5 * MINUTE + 30 * SECOND
    await stage.scheduler().fire_due()
    rows = await stage.ledger()
    assert [(row["slot"] - NOON) / MINUTE for row in rows] == [1, 2, 3, 4, 5]
    assert [row["status"] for row in rows] == ["published", *["skipped"] * 3, "published"]
    assert all(row["reason"].startswith("missed") for row in rows[1:4])
    assert len(stage.bus.triggers) == 2


async def test_the_grace_for_late_slots_is_a_setting(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.now = NOON + 5 * MINUTE
    await stage.scheduler(misfire_grace=timedelta(minutes=3)).fire_due()
    assert await stage.statuses() == {"skipped": 1, "published": 4}


async def test_a_long_outage_does_not_flood_the_ledger(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.now = NOON + timedelta(days=200)
    await stage.scheduler(misfire_grace=timedelta(0)).fire_due()
    assert await stage.statuses() == {"skipped": 99, "published": 1}


async def test_a_change_that_was_confirmed_stops_the_next_slot_though_nobody_announced_it(
    stage: Stage,
) -> None:
    kept, disabled, changed, deleted = (every() for _ in range(4))
    stage.registry.tell(kept, disabled, changed, deleted)
    scheduler = stage.scheduler()
    stage.now = NOON + MINUTE
    await scheduler.fire_due()
    assert len(stage.bus.triggers) == 4
    later = NOON + 90 * SECOND
    stage.registry.tell(
        msgspec.structs.replace(disabled, is_enabled=False, updated_at=later),
        msgspec.structs.replace(changed, schedule="0 0 * * *", updated_at=later),
    )
    stage.registry.delete(deleted)
    stage.now = NOON + 2 * MINUTE
    await scheduler.fire_due()
    assert [trigger.deployment_id for trigger in stage.bus.triggers[4:]] == [kept.id]


async def test_slots_from_before_a_deployment_was_enabled_are_none(stage: Stage) -> None:
    stage.registry.tell(every(updated_at=NOON + 150 * SECOND))
    stage.now = NOON + 160 * SECOND
    await stage.scheduler().fire_due()
    assert await stage.ledger() == []


async def test_each_slot_fires_once_though_the_clock_steps(stage: Stage) -> None:
    stage.registry.tell(every())
    scheduler = stage.scheduler(misfire_grace=timedelta(hours=2))
    for minutes in (1, 3, 2, 0, 4, 64, 5, 65):
        stage.now = NOON + minutes * MINUTE
        await scheduler.fire_due()
        await stage.scheduler(misfire_grace=timedelta(hours=2)).fire_due()
    rows = await stage.ledger()
    assert [(row["slot"] - NOON) / MINUTE for row in rows] == list(range(1, 66))
    assert Counter(stage.fired) == Counter(row["execution_id"] for row in rows)


async def test_a_slot_that_could_not_be_published_is_published_later_as_the_same_execution(
    stage: Stage,
) -> None:
    stage.registry.tell(every())
    stage.now = NOON + MINUTE
    stage.bus.is_away = True
    await stage.scheduler().fire_due()
    [claimed] = await stage.ledger()
    assert claimed["status"] == "claimed"
    stage.bus.is_away = False
    await stage.scheduler(takeover=timedelta(0)).take_over()
    assert stage.fired == [claimed["execution_id"]]
    assert await stage.statuses() == {"published": 1}
    await stage.scheduler(takeover=timedelta(0)).take_over()
    assert len(stage.fired) == 1


async def test_a_slot_of_a_scheduler_that_died_while_publishing_is_taken_over_once(
    stage: Stage,
) -> None:
    stage.registry.tell(every())
    stage.now = NOON + MINUTE
    stage.bus.is_stuck = True
    dying = asyncio.create_task(stage.scheduler().fire_due())
    await stage.bus.reached.wait()
    dying.cancel()
    await asyncio.wait([dying])
    stage.bus.is_stuck = False
    [claimed] = await stage.ledger()
    survivors = [stage.scheduler(takeover=timedelta(milliseconds=50)) for _ in range(2)]
    async with asyncio.timeout(60):
        while not stage.fired:
            await asyncio.gather(*(survivor.take_over() for survivor in survivors))
    assert stage.fired == [claimed["execution_id"]]


async def test_a_slot_that_another_scheduler_is_publishing_is_left_to_it(stage: Stage) -> None:
    stage.registry.tell(every())
    stage.now = NOON + MINUTE
    stage.bus.is_away = True
    await stage.scheduler().fire_due()
    stage.bus.is_away = False
    await stage.scheduler(takeover=timedelta(seconds=30)).take_over()
    assert stage.fired == []


async def test_a_claimed_slot_of_a_deployment_that_went_says_so(stage: Stage) -> None:
    deleted, disabled = every(), every()
    stage.registry.tell(deleted, disabled)
    stage.now = NOON + MINUTE
    stage.bus.is_away = True
    await stage.scheduler().fire_due()
    stage.registry.delete(deleted)
    stage.registry.tell(msgspec.structs.replace(disabled, is_enabled=False))
    stage.bus.is_away = False
    await stage.scheduler(takeover=timedelta(0)).take_over()
    assert stage.fired == []
    assert {row["reason"] for row in await stage.ledger()} == {
        "deleted or disabled before it was published"
    }


async def test_nothing_fires_unseen_by_the_registry(stage: Stage) -> None:
    stage.registry.tell(every())
    scheduler = stage.scheduler()
    await scheduler.fire_due()
    stage.registry.is_away = True
    stage.now = NOON + MINUTE
    with pytest.raises(Unavailable):
        await scheduler.fire_due()
    assert await stage.ledger() == []
    stage.registry.is_away = False
    await scheduler.fire_due()
    assert len(stage.fired) == 1


async def test_a_thousand_slots_at_once_take_few_statements(
    database_url: str, stage: Stage
) -> None:
    statements: list[str] = []
    async with open_pool(database_url, name="counted", size=1) as pool:
        async with pool.acquire() as connection:
            connection.add_query_logger(lambda record: statements.append(record.query))
        counted = Stage(pool, now=NOON + MINUTE)
        counted.registry.tell(*(every() for _ in range(1000)))
        await counted.scheduler().fire_due()
    assert await stage.statuses() == {"published": 1000}
    assert len(counted.fired) == 1000
    assert 2 <= len(statements) < 10


async def test_old_rows_are_forgotten(stage: Stage) -> None:
    stage.registry.tell(every("0 0 * * *"))
    scheduler = stage.scheduler(misfire_grace=timedelta(days=90), retention=timedelta(days=30))
    stage.now = NOON + timedelta(days=40)
    await scheduler.fire_due()
    await scheduler.forget_old()
    assert len(await stage.ledger()) == 30
    await scheduler.fire_due()
    assert len(stage.fired) == 40
