"""What pods write: stored once, bounded, asked for by time, and gone with the deployment."""

from datetime import timedelta
from typing import Any

import msgspec

from pumphouse.bus import Bus
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
)
from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.pods import PodLogged, PodLogsQueried
from pumphouse.contracts.vocabulary import Mode
from pumphouse.postgres import Pool, connection
from pumphouse.registry.app import running
from pumphouse.registry.queries import Definitions, PodLogs
from tests.integration.registry.things import NOW, deployment, eventually, pipeline, settings


def logged(
    of: Deployment, position: int, *texts: str, pod: str = "pod-1", begin_s: float = 0
) -> PodLogged:
    """Lines a second apart, the first so long after NOW."""
    return PodLogged(
        deployment_id=of.id,
        pod_id=pod,
        position=position,
        lines=tuple(
            LogLine(at=NOW + timedelta(seconds=begin_s + number), stream="stderr", text=text)
            for number, text in enumerate(texts)
        ),
    )


async def deployed(bus: Bus) -> tuple[Pipeline, Deployment]:
    made = pipeline()
    of = deployment(made, mode=Mode.LOW_LATENCY)
    await bus.request(PipelineSubmitted(pipeline=made))
    await bus.request(DeploymentSubmitted(deployment=of))
    return made, of


async def texts(bus: Bus, of: Deployment, **period: Any) -> list[str]:
    asked = msgspec.convert({"deployment_id": of.id, **period}, PodLogsQueried)
    return [found.line.text for found in (await bus.request(asked)).lines]


async def has(bus: Bus, of: Deployment, *expected: str) -> None:
    async def is_there() -> bool:
        return await texts(bus, of) == list(expected)

    await eventually(is_there)


async def test_lines_are_kept_with_the_pod_that_wrote_them(registry: Bus) -> None:
    _, of = await deployed(registry)
    await registry.publish(logged(of, 0, "loading", "é \ud7ff"))
    await registry.publish(logged(of, 2, "more", begin_s=5))
    await registry.publish(logged(of, 0, "again", pod="pod-2", begin_s=9))
    await has(registry, of, "loading", "é \ud7ff", "more", "again")
    found = (await registry.request(PodLogsQueried(deployment_id=of.id))).lines
    assert [said.pod_id for said in found] == ["pod-1"] * 3 + ["pod-2"]
    assert found[0].line == LogLine(at=NOW, stream="stderr", text="loading")


async def test_lines_that_are_delivered_twice_are_stored_once(registry: Bus) -> None:
    _, of = await deployed(registry)
    for _ in range(2):
        await registry.publish(logged(of, 0, "a", "b"))
        await registry.publish(logged(of, 1, "b", "c", begin_s=1))
    await registry.publish(logged(of, 3, "d", begin_s=3))
    await has(registry, of, "a", "b", "c", "d")


async def test_a_later_batch_may_come_first(registry: Bus) -> None:
    _, of = await deployed(registry)
    await registry.publish(logged(of, 2, "c", begin_s=2))
    await registry.publish(logged(of, 0, "a", "b"))
    await has(registry, of, "a", "b", "c")


async def test_both_ends_of_a_period_are_in_it_and_the_first_lines_are_kept(
    registry: Bus,
) -> None:
    _, of = await deployed(registry)
    await registry.publish(logged(of, 0, *"abcde"))
    await has(registry, of, *"abcde")
    after, before = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    assert await texts(registry, of, since=after, until=before) == ["b", "c", "d"]
    assert await texts(registry, of, since=after, until=before, limit=2) == ["b", "c"]
    assert await texts(registry, of, limit=0) == []
    assert await texts(registry, of, since=NOW + timedelta(seconds=9)) == []


async def test_they_go_with_their_deployment_or_its_pipeline_and_do_not_come_back(
    registry: Bus, pool: Pool
) -> None:
    made, of = await deployed(registry)
    other = deployment(made, "other", mode=Mode.LOW_LATENCY)
    await registry.request(DeploymentSubmitted(deployment=other))
    for one in (of, other):
        await registry.publish(logged(one, 0, "a"))
        await has(registry, one, "a")
    await registry.request(DeploymentDiscarded(deployment_id=of.id))
    await registry.publish(logged(of, 1, "late"))
    await registry.publish(logged(other, 1, "b", begin_s=1))
    await has(registry, other, "a", "b")
    assert await texts(registry, of) == []
    await registry.request(PipelineDiscarded(pipeline_id=made.id, with_deployments=True))
    async with connection(pool) as held:
        assert await held.fetchval("select count(*) from registry.pod_lines") == 0


async def test_they_outlive_the_registry(database_url: str, store_url: str, bus: Bus) -> None:
    async with running(settings(database_url, store_url), bus):
        _, of = await deployed(bus)
        await bus.publish(logged(of, 0, "a"))
        await has(bus, of, "a")
    async with running(settings(database_url, store_url), bus):
        assert await texts(bus, of) == ["a"]


async def test_of_many_lines_the_newest_are_kept(pool: Pool) -> None:
    made = pipeline()
    of, other = deployment(made), deployment(made, "other")
    async with Definitions(pool).revising() as draft:
        await draft.keep_pipeline(made)
        await draft.keep_deployment(of)
        await draft.keep_deployment(other)
    logs = PodLogs(pool, kept_lines=10, kept_bytes=1000)
    await logs.keep(logged(other, 0, "other"))
    for position in range(0, 32, 4):
        lines = [f"line {position + i}" for i in range(4)]
        await logs.keep(logged(of, position, *lines, begin_s=position))
    found = await logs.lines(of.id, None, None, None)
    assert [said.line.text for said in found] == [f"line {n}" for n in range(22, 32)]
    await logs.keep(logged(of, 32, "x" * 400, "y" * 400, "z" * 400, begin_s=32))
    found = await logs.lines(of.id, None, None, None)
    assert [said.line.text[0] for said in found] == ["y", "z"]
    assert len(await logs.lines(other.id, None, None, None)) == 1
