"""Environments of pipelines: asked for, reported, and what was written meanwhile."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from pumphouse.bus import Bus, Envelope, open_bus
from pumphouse.bus.topology import BUILDS
from pumphouse.contracts.builds import (
    BuildFinished,
    BuildLogged,
    BuildLogsQueried,
    BuildRequested,
)
from pumphouse.contracts.catalog import CatalogRequested, Environment, Pipeline
from pumphouse.contracts.definitions import PipelineDiscarded, PipelineSubmitted
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.postgres import Pool
from pumphouse.registry.app import running
from pumphouse.registry.queries import Builds, Definitions
from tests.integration.registry.things import NOW, eventually, pipeline, settings

ENVIRONMENT = Environment(
    id="e1", python="3.12", lock=Reference(key="environments/e1.lock", size=10)
)


def pending(name: str = "double") -> Pipeline:
    return pipeline(name, status=PipelineStatus.PENDING)


def ready(of: Pipeline) -> BuildFinished:
    return BuildFinished(pipeline_id=of.id, status=PipelineStatus.READY, environment=ENVIRONMENT)


def failed(of: Pipeline, message: str = "no such version") -> BuildFinished:
    return BuildFinished(pipeline_id=of.id, status=PipelineStatus.FAILED, message=message)


def logged(of: Pipeline, position: int, *texts: str, begin_s: float = 0) -> BuildLogged:
    """Lines a second apart, the first so long after NOW."""
    return BuildLogged(
        pipeline_id=of.id,
        position=position,
        lines=tuple(
            LogLine(at=NOW + timedelta(seconds=begin_s + number), stream="stdout", text=text)
            for number, text in enumerate(texts)
        ),
    )


async def stored(bus: Bus, wanted: Pipeline) -> Pipeline | None:
    """The pipeline as it is now; None when it is gone."""
    listed = await bus.request(CatalogRequested(after=0))
    return next(
        (c.pipeline for c in listed.changes if c.pipeline and c.pipeline.id == wanted.id), None
    )


async def revision(bus: Bus) -> int:
    return (await bus.request(CatalogRequested(after=0))).revision


async def texts(bus: Bus, of: Pipeline, **period: object) -> list[str]:
    asked = msgspec.convert({"pipeline_id": of.id, **period}, BuildLogsQueried)
    return [line.text for line in (await bus.request(asked)).lines]


async def settled(bus: Bus, of: Pipeline) -> Pipeline:
    async def has_ended() -> bool:
        found = await stored(bus, of)
        return found is not None and found.status is not PipelineStatus.PENDING

    await eventually(has_ended)
    found = await stored(bus, of)
    assert found is not None
    return found


async def everything_said_is_handled(bus: Bus) -> None:
    """What was published before has been taken in: a marker that came later has been."""
    marker = pending("marker")
    await bus.request(PipelineSubmitted(pipeline=marker))
    await bus.publish(ready(marker))
    await settled(bus, marker)
    await bus.request(PipelineDiscarded(pipeline_id=marker.id))


class Executor:
    """Takes what is to be built, and builds nothing."""

    def __init__(self) -> None:
        self.asked: list[BuildRequested] = []

    async def open(self, bus: Bus) -> None:
        await bus.consume(BUILDS, {BuildRequested: self._requested})

    def times(self, of: Pipeline) -> int:
        return len([wish for wish in self.asked if wish.pipeline_id == of.id])

    async def wait(self, of: Pipeline, times: int = 1) -> None:
        async def is_asked() -> bool:
            return self.times(of) >= times

        await eventually(is_asked)

    async def _requested(self, message: BuildRequested, _: Envelope) -> None:
        self.asked.append(message)


@pytest.fixture
async def executor(registry: Bus) -> Executor:
    opened = Executor()
    await opened.open(registry)
    return opened


async def test_a_pending_pipeline_is_asked_for_once_and_a_ready_one_never(
    registry: Bus, executor: Executor
) -> None:
    built, plain, later = pending(), pipeline("plain"), pending("later")
    for submitted in (built, built, plain, later):
        await registry.request(PipelineSubmitted(pipeline=submitted))
    await executor.wait(later)
    assert executor.asked == [
        BuildRequested(pipeline_id=built.id, catalog_revision=1),
        BuildRequested(pipeline_id=later.id, catalog_revision=3),
    ]


async def test_a_built_environment_makes_the_pipeline_ready(registry: Bus) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await registry.publish(ready(submitted))
    code = msgspec.structs.replace(submitted.code, environment=ENVIRONMENT)
    assert await settled(registry, submitted) == msgspec.structs.replace(
        submitted, status=PipelineStatus.READY, code=code
    )
    assert await revision(registry) == 2


async def test_the_key_of_a_repository_is_there_until_the_build_ends(registry: Bus) -> None:
    submitted = msgspec.structs.replace(pending(), deploy_key="sealed")
    await registry.request(PipelineSubmitted(pipeline=submitted))
    before = await stored(registry, submitted)
    assert before is not None
    assert before.deploy_key == "sealed"
    end = msgspec.structs.replace(ready(submitted), commit_id="c0ffee", archive="c0ffee.tgz")
    await registry.publish(end)
    found = await settled(registry, submitted)
    assert found.deploy_key is None
    assert (found.commit_id, found.code.archive) == ("c0ffee", "c0ffee.tgz")
    assert found.code.environment == ENVIRONMENT


async def test_a_failed_build_keeps_the_reason(registry: Bus) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await registry.publish(failed(submitted, "no such version"))
    found = await settled(registry, submitted)
    assert (found.status, found.status_message) == (PipelineStatus.FAILED, "no such version")
    assert found.code.environment is None


async def test_only_the_first_end_of_a_build_counts(registry: Bus) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    for end in (ready(submitted), ready(submitted), failed(submitted)):
        await registry.publish(end)
    await settled(registry, submitted)
    before = await revision(registry)
    await everything_said_is_handled(registry)
    found = await stored(registry, submitted)
    assert found is not None
    assert found.status is PipelineStatus.READY
    assert (before, await revision(registry)) == (2, 5)


async def test_what_is_said_of_a_deleted_pipeline_is_ignored(registry: Bus) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await registry.request(PipelineDiscarded(pipeline_id=submitted.id))
    await registry.publish(logged(submitted, 0, "too late"))
    await registry.publish(ready(submitted))
    await everything_said_is_handled(registry)
    assert await stored(registry, submitted) is None
    assert await texts(registry, submitted) == []


async def test_deleting_a_pipeline_deletes_the_log_of_its_build(registry: Bus, pool: Pool) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await Builds(pool).keep_lines(logged(submitted, 0, "first"))
    assert await texts(registry, submitted) == ["first"]
    await registry.request(PipelineDiscarded(pipeline_id=submitted.id))
    for table in ("builds", "build_lines"):
        assert await pool.fetchval(f"select count(*) from registry.{table}") == 0


async def test_lines_come_in_order_however_often_and_in_whatever_order_they_arrive(
    registry: Bus, pool: Pool
) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    first, second = logged(submitted, 0, "a", "b\0", "c"), logged(submitted, 3, "d", begin_s=3)
    for event in (second, first, second, first):
        await Builds(pool).keep_lines(event)
    assert await texts(registry, submitted) == ["a", "b\0", "c", "d"]


async def test_a_repeated_build_replaces_what_the_one_before_wrote(
    registry: Bus, pool: Pool
) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await Builds(pool).keep_lines(logged(submitted, 0, "one", "two", "three", "four"))
    again = logged(submitted, 0, "uno", begin_s=60)
    rest = logged(submitted, 1, "due", begin_s=61)
    for event in (again, rest, again):
        await Builds(pool).keep_lines(event)
    assert await texts(registry, submitted) == ["uno", "due"]


async def test_lines_are_paged_by_time_and_number(registry: Bus, pool: Pool) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    await Builds(pool).keep_lines(logged(submitted, 0, *"abcde"))
    since, until = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    assert await texts(registry, submitted, since=since) == ["b", "c", "d", "e"]
    assert await texts(registry, submitted, until=until) == ["a", "b", "c", "d"]
    assert await texts(registry, submitted, since=since, until=until, limit=2) == ["b", "c"]
    assert await texts(registry, submitted, limit=0) == []


async def test_all_lines_are_there_when_the_build_has_ended(registry: Bus) -> None:
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    for position in range(0, 100, 10):
        await registry.publish(
            logged(submitted, position, *map(str, range(position, position + 10)))
        )
    await registry.publish(failed(submitted))
    await settled(registry, submitted)
    assert await texts(registry, submitted) == [str(number) for number in range(100)]


async def test_a_pipeline_that_was_stored_but_not_asked_for_is_asked_for_later(
    database_url: str, store_url: str, pool: Pool
) -> None:
    submitted = pending()
    async with Definitions(pool).revising() as draft:
        await draft.keep_pipeline(submitted)
        await draft.begin_build(submitted.id)
    executor = Executor()
    async with open_bus(None, "test") as bus, running(settings(database_url, store_url), bus):
        await executor.open(bus)
        await executor.wait(submitted)


async def test_what_is_still_pending_is_asked_for_again_after_a_restart(
    database_url: str, store_url: str
) -> None:
    lost, done, last = pending("lost"), pending("done"), pending("last")
    executor = Executor()
    async with open_bus(None, "before") as bus, running(settings(database_url, store_url), bus):
        await executor.open(bus)
        for submitted in (lost, done):
            await bus.request(PipelineSubmitted(pipeline=submitted))
            await executor.wait(submitted)
        await bus.publish(ready(done))
        await settled(bus, done)

    again = settings(database_url, store_url, reissue_on_start=True)
    async with open_bus(None, "after") as bus, running(again, bus):
        await executor.open(bus)
        await executor.wait(lost, times=2)
        await bus.request(PipelineSubmitted(pipeline=last))
        await executor.wait(last)
    assert (executor.times(lost), executor.times(done)) == (2, 1)

    async with open_bus(None, "kept") as bus, running(settings(database_url, store_url), bus):
        await executor.open(bus)
        newest = pending("newest")
        await bus.request(PipelineSubmitted(pipeline=newest))
        await executor.wait(newest)
    assert executor.times(lost) == 2


async def test_two_registries_ask_for_each_build_once(database_url: str, store_url: str) -> None:
    executor = Executor()
    submitted = [pending(f"p-{number}") for number in range(20)]
    async with (
        open_bus(None, "one") as one,
        open_bus(None, "two") as two,
        running(settings(database_url, store_url), one),
        running(settings(database_url, store_url), two),
    ):
        await executor.open(one)
        await executor.open(two)
        await asyncio.gather(
            *(
                bus.request(PipelineSubmitted(pipeline=wanted))
                for wanted, bus in zip(submitted, [one, two] * 10, strict=True)
            )
        )
        for wanted in submitted:
            await executor.wait(wanted)
    assert [executor.times(wanted) for wanted in submitted] == [1] * 20


async def test_a_build_that_nobody_can_carry_out_fails(registry: Bus) -> None:
    async def refuse(_: BuildRequested, __: Envelope) -> None:
        raise ValueError("a bug")

    await registry.consume(BUILDS, {BuildRequested: refuse})
    submitted = pending()
    await registry.request(PipelineSubmitted(pipeline=submitted))
    found = await settled(registry, submitted)
    assert found.status is PipelineStatus.FAILED
    assert "could not build the environment (reference " in (found.status_message or "")
