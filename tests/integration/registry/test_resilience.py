"""Crashes, restarts, an absent database, dead letters, and two registries at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from pumphouse.bus import Bus, Envelope, open_bus
from pumphouse.bus.memory import MemoryBus
from pumphouse.bus.topology import CATALOG_CHANGES, RESOLVER, elastic_queue
from pumphouse.catalog import following
from pumphouse.contracts.catalog import CatalogChanged, Code
from pumphouse.contracts.definitions import DeploymentSubmitted, PipelineSubmitted
from pumphouse.contracts.executions import ExecutionFinished, PlanResolved, TriggerAccepted
from pumphouse.contracts.message import Message
from pumphouse.contracts.pods import PodRequested
from pumphouse.contracts.records import ExecutionDescribed, ExecutionQueried
from pumphouse.contracts.vocabulary import Mode, Status
from pumphouse.errors import Unavailable
from pumphouse.postgres import Pool
from pumphouse.registry.app import running
from pumphouse.registry.queries import Definitions
from tests.integration.registry.things import (
    deployment,
    eventually,
    finished,
    pipeline,
    settings,
    started,
    trigger,
)

PIPELINE = pipeline()


class Announcements:
    """The catalog changes that a service hears."""

    def __init__(self) -> None:
        self.revisions: list[int] = []

    async def heard(self, message: CatalogChanged, _: Envelope) -> None:
        self.revisions += [change.revision for change in message.changes]

    async def reach(self, revision: int) -> None:
        async def has_reached() -> bool:
            return revision in self.revisions

        await eventually(has_reached)


async def _announcements(bus: Bus) -> Announcements:
    heard = Announcements()
    await bus.consume(CATALOG_CHANGES, {CatalogChanged: heard.heard})
    return heard


async def test_changes_are_announced_in_order(registry: Bus) -> None:
    heard = await _announcements(registry)
    await asyncio.gather(
        *(registry.request(PipelineSubmitted(pipeline=pipeline(f"p-{n}"))) for n in range(20))
    )
    await heard.reach(20)
    assert heard.revisions == list(range(1, 21))


async def test_a_change_that_was_stored_but_not_announced_is_announced_later(
    database_url: str, store_url: str, bus: Bus, pool: Pool
) -> None:
    async with Definitions(pool).revising() as draft:
        await draft.keep_pipeline(PIPELINE)
    heard = await _announcements(bus)
    async with running(settings(database_url, store_url), bus):
        await heard.reach(1)
        async with Definitions(pool).revising() as draft:
            await draft.keep_pipeline(pipeline("another"))
        await heard.reach(2)


async def test_a_change_is_announced_again_when_its_announcement_failed(
    database_url: str, store_url: str, pool: Pool
) -> None:
    async with Definitions(pool).revising() as draft:
        await draft.keep_pipeline(PIPELINE)
    bus = _FailingOnce()
    heard = await _announcements(bus)
    async with running(settings(database_url, store_url), bus):
        await heard.reach(1)
    await bus.close()
    assert bus.failures == 1


class _FailingOnce(MemoryBus):
    """A bus whose first publish is not confirmed."""

    failures = 0

    async def publish(self, message: Message, **keywords: Any) -> None:
        if not self.failures:
            self.failures += 1
            raise Unavailable("No confirm.")
        await super().publish(message, **keywords)


async def test_catalogs_of_two_registries_agree(database_url: str, store_url: str) -> None:
    async with (
        open_bus(None, "one") as one,
        open_bus(None, "two") as two,
        running(settings(database_url, store_url), one),
        running(settings(database_url, store_url), two),
        following(one) as first,
        following(two) as second,
    ):
        await asyncio.gather(
            *(
                bus.request(PipelineSubmitted(pipeline=pipeline(f"p-{number}")))
                for number, bus in enumerate([one, two] * 10)
            )
        )
        await first.refresh()
        await second.refresh()
        assert first.revision == second.revision == 20
        assert first.pipelines == second.pipelines


@asynccontextmanager
async def _outage(postgres_url: str, database_url: str) -> AsyncIterator[None]:
    """The database takes no connections and drops those it has."""
    name = urlsplit(database_url).path.lstrip("/")
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f'alter database "{name}" allow_connections false')
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )
        yield
        await connection.execute(f'alter database "{name}" allow_connections true')
    finally:
        await connection.close()


async def test_the_registry_recovers_when_the_database_comes_back(
    registry: Bus, postgres_url: str, database_url: str
) -> None:
    await registry.request(PipelineSubmitted(pipeline=PIPELINE))
    accepted = trigger(PIPELINE)
    await registry.publish(accepted)
    async with _outage(postgres_url, database_url):
        with pytest.raises(Unavailable):
            await registry.request(ExecutionQueried(execution_id=accepted.execution_id))
        with pytest.raises(Unavailable):
            await registry.request(PipelineSubmitted(pipeline=pipeline("other")))
        with pytest.raises(Unavailable):
            await registry.publish(finished(accepted))
    await registry.publish(finished(accepted))
    described = await _described(registry, accepted)
    assert described.execution.status is Status.SUCCEEDED
    await registry.request(PipelineSubmitted(pipeline=pipeline("other")))


async def _described(bus: Bus, accepted: TriggerAccepted) -> ExecutionDescribed:
    return await bus.request(ExecutionQueried(execution_id=accepted.execution_id, ended=True))


async def _refuse(_: object, __: Envelope) -> None:
    raise ValueError("a bug")


async def test_a_trigger_that_nobody_can_carry_on_ends_as_an_error_and_is_answered(
    registry: Bus,
) -> None:
    await registry.request(PipelineSubmitted(pipeline=PIPELINE))
    await registry.consume(RESOLVER, {TriggerAccepted: _refuse})
    accepted = trigger(PIPELINE)
    reply = registry.expect(accepted.execution_id)
    await registry.publish(
        accepted,
        correlation_id=accepted.execution_id,
        reply_to=registry.reply_address,
        message_id="message-1",
    )
    async with asyncio.timeout(30):
        end = await reply
    assert isinstance(end, ExecutionFinished)
    described = await _described(registry, accepted)
    assert described.execution.status is end.status is Status.ERROR
    assert described.error == end.error
    assert "reference message-1" in (end.error or "")


async def test_a_plan_that_nobody_can_carry_on_ends_as_an_error(registry: Bus) -> None:
    await registry.request(PipelineSubmitted(pipeline=PIPELINE))
    await registry.consume(elastic_queue(0), {PlanResolved: _refuse})
    accepted = trigger(PIPELINE)
    await registry.publish(accepted)
    plan = PlanResolved(
        execution_id=accepted.execution_id,
        pipeline_id=PIPELINE.id,
        mode=Mode.ELASTIC,
        code=Code(archive="a", function_path="b.py", function_name="c"),
        catalog_revision=1,
    )
    await registry.publish(plan, partition="elastic.0")
    assert (await _described(registry, accepted)).execution.status is Status.ERROR


async def test_what_had_not_ended_is_issued_again_after_a_restart(
    database_url: str, store_url: str
) -> None:
    pending, lost, hopeless, done = (trigger(PIPELINE) for _ in range(4))
    third = trigger(PIPELINE, execution_id=hopeless.execution_id, attempt=3)
    async with open_bus(None, "before") as bus, running(settings(database_url, store_url), bus):
        await bus.request(PipelineSubmitted(pipeline=PIPELINE))
        for event in (
            pending,
            *(lost, started(lost)),
            *(hopeless, third, started(third, attempt=3)),
            *(done, finished(done)),
        ):
            await bus.publish(event)

    issued: dict[str, int] = {}

    async def resolve(message: TriggerAccepted, _: Envelope) -> None:
        issued[message.execution_id] = message.attempt

    async def both_issued() -> bool:
        return len(issued) == 2

    again = settings(database_url, store_url, reissue_on_start=True)
    async with open_bus(None, "after") as bus, running(again, bus):
        await bus.consume(RESOLVER, {TriggerAccepted: resolve})
        await eventually(both_issued)
        assert issued == {pending.execution_id: 1, lost.execution_id: 2}
        ended = await _described(bus, hopeless)
        assert ended.execution.status is Status.ERROR
        assert (ended.error or "").startswith("executor lost")
        reissued = await bus.request(ExecutionQueried(execution_id=lost.execution_id))
        assert (reissued.execution.status, reissued.execution.attempt) == (Status.RUNNING, 2)
        await bus.publish(finished(lost, attempt=2))
        assert (await _described(bus, lost)).execution.status is Status.SUCCEEDED


async def test_the_queues_of_low_latency_deployments_are_there_again_after_a_restart(
    database_url: str,
    store_url: str,
) -> None:
    served = deployment(PIPELINE, mode=Mode.LOW_LATENCY)
    async with open_bus(None, "before") as bus, running(settings(database_url, store_url), bus):
        await bus.request(PipelineSubmitted(pipeline=PIPELINE))
        await bus.request(DeploymentSubmitted(deployment=served))
    async with open_bus(None, "after") as bus, running(settings(database_url, store_url), bus):
        wish = PodRequested(deployment_id=served.id, catalog_revision=2)
        await bus.publish(wish, partition=f"low-latency.{served.id}")
