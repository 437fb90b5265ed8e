"""Pipelines, deployments and variables: uniqueness, revisions, deletion, repeated requests."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pumphouse.bus import Bus
from pumphouse.contracts.catalog import (
    CatalogListed,
    CatalogRequested,
    Deployment,
    Pod,
    Variable,
)
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentRevised,
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
    VariableDiscarded,
    VariablesRevised,
)
from pumphouse.contracts.pods import PodReported, PodRequested
from pumphouse.contracts.records import ExecutionQueried, ExecutionsQueried
from pumphouse.contracts.vocabulary import DeploymentStatus, Mode
from pumphouse.errors import Conflict, Invalid, NotFound, Unavailable
from pumphouse.postgres import Pool
from pumphouse.registry.queries import definitions as definition_queries
from tests.integration.registry.things import (
    NOW,
    deployment,
    eventually,
    pipeline,
    trigger,
)


async def _only_deployment(bus: Bus) -> Deployment:
    listed = await bus.request(CatalogRequested(after=0))
    [found] = [c.deployment for c in listed.changes if c.deployment is not None]
    return found


def _revisions(listed: CatalogListed) -> list[int]:
    return [change.revision for change in listed.changes]


def _changed(stored: Deployment, **changes: Any) -> Deployment:
    later = stored.updated_at + timedelta(seconds=1)
    return msgspec.structs.replace(stored, updated_at=later, **changes)


async def test_each_change_has_the_next_revision(registry: Bus) -> None:
    first = pipeline()
    await registry.request(PipelineSubmitted(pipeline=first))
    await registry.request(DeploymentSubmitted(deployment=deployment(first)))
    variables = (Variable(name="A", sealed="1"), Variable(name="B", sealed="2"))
    listed = await registry.request(VariablesRevised(variables=variables, after=1))
    assert _revisions(listed) == [2, 3, 4]
    assert not listed.is_whole


async def test_changes_made_at_once_get_consecutive_revisions(registry: Bus) -> None:
    names = [f"pipeline-{number}" for number in range(30)]
    await registry.request(PipelineSubmitted(pipeline=pipeline("first")))
    await asyncio.gather(
        *(registry.request(PipelineSubmitted(pipeline=pipeline(name))) for name in names)
    )
    listed = await registry.request(CatalogRequested(after=1))
    assert _revisions(listed) == list(range(2, 32))
    assert {c.pipeline.name for c in listed.changes if c.pipeline} == set(names)


async def test_a_follower_without_anything_gets_everything_there_is(registry: Bus) -> None:
    kept, dropped = pipeline("kept"), pipeline("dropped")
    await registry.request(PipelineSubmitted(pipeline=dropped))
    await registry.request(PipelineSubmitted(pipeline=kept))
    await registry.request(PipelineDiscarded(pipeline_id=dropped.id))
    whole = await registry.request(CatalogRequested(after=0))
    assert whole.is_whole
    assert whole.revision == 3
    assert [(c.revision, c.pipeline) for c in whole.changes] == [(2, kept)]


async def test_an_empty_catalog_is_whole(registry: Bus) -> None:
    assert await registry.request(CatalogRequested(after=0)) == CatalogListed(
        revision=0, is_whole=True
    )


async def test_a_follower_of_another_database_starts_over(registry: Bus) -> None:
    await registry.request(PipelineSubmitted(pipeline=pipeline()))
    whole = await registry.request(CatalogRequested(after=17))
    assert (whole.is_whole, whole.revision, len(whole.changes)) == (True, 1, 1)


async def test_a_follower_that_knows_all_gets_nothing(registry: Bus) -> None:
    await registry.request(PipelineSubmitted(pipeline=pipeline()))
    assert await registry.request(CatalogRequested(after=1)) == CatalogListed(revision=1)


async def test_a_follower_behind_the_kept_log_starts_over(
    registry: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_queries, "KEPT_CHANGES", 3)
    for number in range(6):
        await registry.request(PipelineSubmitted(pipeline=pipeline(f"p-{number}")))
    assert not (await registry.request(CatalogRequested(after=3))).is_whole
    assert (await registry.request(CatalogRequested(after=2))).is_whole


async def test_a_repeated_submission_changes_nothing(registry: Bus) -> None:
    first = pipeline()
    submitted = PipelineSubmitted(pipeline=first)
    assert await registry.request(submitted) == await registry.request(submitted)
    served = DeploymentSubmitted(deployment=deployment(first))
    assert await registry.request(served) == await registry.request(served)
    variables = VariablesRevised(variables=(Variable(name="A", sealed="1"),))
    assert await registry.request(variables) == await registry.request(variables)


async def test_a_taken_pipeline_name_is_a_conflict(registry: Bus) -> None:
    await registry.request(PipelineSubmitted(pipeline=pipeline("double")))
    with pytest.raises(Conflict, match="already a pipeline named 'double'"):
        await registry.request(PipelineSubmitted(pipeline=pipeline("double")))
    assert (await registry.request(CatalogRequested(after=0))).revision == 1


async def test_one_of_many_that_want_a_name_gets_it(registry: Bus) -> None:
    answers = await asyncio.gather(
        *(registry.request(PipelineSubmitted(pipeline=pipeline("double"))) for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 9
    assert sum(isinstance(answer, CatalogListed) for answer in answers) == 1


async def test_a_taken_deployment_name_is_a_conflict(registry: Bus) -> None:
    first = pipeline()
    await registry.request(PipelineSubmitted(pipeline=first))
    await registry.request(DeploymentSubmitted(deployment=deployment(first, "serve")))
    other = deployment(first, "serve", endpoint_url_path="elsewhere")
    with pytest.raises(Conflict, match="already a deployment named 'serve'"):
        await registry.request(DeploymentSubmitted(deployment=other))


async def test_a_taken_endpoint_path_is_a_conflict_that_names_its_holder(registry: Bus) -> None:
    first = pipeline()
    await registry.request(PipelineSubmitted(pipeline=first))
    await registry.request(DeploymentSubmitted(deployment=deployment(first, "serve")))
    other = deployment(first, "other", endpoint_url_path="serve")
    with pytest.raises(Conflict, match="'serve' is taken by the deployment 'serve'"):
        await registry.request(DeploymentSubmitted(deployment=other))


async def test_deployments_without_a_path_do_not_clash(registry: Bus) -> None:
    first = pipeline()
    await registry.request(PipelineSubmitted(pipeline=first))
    for name in ("nightly", "hourly"):
        made = deployment(first, name, endpoint_url_path=None)
        await registry.request(DeploymentSubmitted(deployment=made))


async def test_a_deployment_needs_its_pipeline(registry: Bus) -> None:
    with pytest.raises(NotFound, match="pipeline"):
        await registry.request(DeploymentSubmitted(deployment=deployment(pipeline())))


async def test_a_name_that_postgres_cannot_hold_is_refused(registry: Bus) -> None:
    with pytest.raises(Invalid):
        await registry.request(PipelineSubmitted(pipeline=pipeline("a\0b")))


async def test_a_nul_in_a_description_is_kept(registry: Bus) -> None:
    odd = pipeline(description="zero \0 byte")
    listed = await registry.request(PipelineSubmitted(pipeline=odd))
    assert [change.pipeline for change in listed.changes] == [odd]


async def test_a_used_pipeline_stays_and_names_its_deployments(registry: Bus) -> None:
    first = pipeline()
    await registry.request(PipelineSubmitted(pipeline=first))
    for name in ("serve-b", "serve-a"):
        await registry.request(DeploymentSubmitted(deployment=deployment(first, name)))
    with pytest.raises(Conflict, match="'serve-a', 'serve-b'"):
        await registry.request(PipelineDiscarded(pipeline_id=first.id))
    assert len((await registry.request(CatalogRequested(after=0))).changes) == 3


async def test_a_pipeline_goes_with_its_deployments_and_executions(
    registry: Bus, pool: Pool
) -> None:
    first, other = pipeline("first"), pipeline("other")
    served = deployment(first)
    for made in (first, other):
        await registry.request(PipelineSubmitted(pipeline=made))
    await registry.request(DeploymentSubmitted(deployment=served))
    gone, kept = trigger(first, deployment_id=served.id), trigger(other)
    for accepted in (gone, kept):
        await registry.publish(accepted)
    listed = await registry.request(
        PipelineDiscarded(pipeline_id=first.id, with_deployments=True, after=3)
    )
    assert listed.changes[0].deleted_deployment_id == served.id
    assert listed.changes[1].deleted_pipeline_id == first.id
    with pytest.raises(NotFound):
        await registry.request(ExecutionQueried(execution_id=gone.execution_id))
    assert await registry.request(ExecutionQueried(execution_id=kept.execution_id))
    await registry.publish(gone)
    assert await pool.fetchval("select count(*) from registry.executions") == 1


async def test_a_deployment_goes_with_its_executions_alone(registry: Bus) -> None:
    first = pipeline()
    served = deployment(first)
    await registry.request(PipelineSubmitted(pipeline=first))
    await registry.request(DeploymentSubmitted(deployment=served))
    await registry.publish(trigger(first, deployment_id=served.id))
    run = trigger(first)
    await registry.publish(run)
    await registry.request(DeploymentDiscarded(deployment_id=served.id))
    listed = await registry.request(ExecutionsQueried(pipeline_id=first.id))
    assert [execution.id for execution in listed.executions] == [run.execution_id]


@pytest.mark.parametrize(
    "request_for_nothing",
    [
        PipelineDiscarded(pipeline_id="none"),
        DeploymentDiscarded(deployment_id="none"),
        VariableDiscarded(name="NONE"),
        DeploymentRevised(deployment=deployment(pipeline()), base=NOW),
    ],
)
async def test_what_does_not_exist_is_not_found(registry: Bus, request_for_nothing: Any) -> None:
    with pytest.raises(NotFound):
        await registry.request(request_for_nothing)


async def test_variables_are_set_and_removed(registry: Bus) -> None:
    await registry.request(
        VariablesRevised(variables=(Variable(name="A", sealed="1"), Variable(name="B", sealed="1")))
    )
    await registry.request(VariablesRevised(variables=(Variable(name="A", sealed="2"),)))
    await registry.request(VariableDiscarded(name="B"))
    whole = await registry.request(CatalogRequested(after=0))
    assert [c.variable for c in whole.changes] == [Variable(name="A", sealed="2")]


async def _submitted(bus: Bus, mode: Mode = Mode.ELASTIC) -> Deployment:
    first = pipeline()
    await bus.request(PipelineSubmitted(pipeline=first))
    await bus.request(DeploymentSubmitted(deployment=deployment(first, mode=mode)))
    return await _only_deployment(bus)


@pytest.mark.parametrize(
    ("mode", "status"),
    [(Mode.ELASTIC, DeploymentStatus.UP), (Mode.LOW_LATENCY, DeploymentStatus.PENDING)],
)
async def test_status_begins_again_when_a_deployment_is_enabled(
    registry: Bus, mode: Mode, status: DeploymentStatus
) -> None:
    stored = await _submitted(registry, mode)
    assert stored.status is status
    disabled = _changed(stored, is_enabled=False)
    await registry.request(DeploymentRevised(deployment=disabled, base=stored.updated_at))
    assert (await _only_deployment(registry)).status is DeploymentStatus.DISABLED
    enabled = _changed(disabled, is_enabled=True)
    await registry.request(DeploymentRevised(deployment=enabled, base=disabled.updated_at))
    assert (await _only_deployment(registry)).status is status


async def test_a_revision_of_an_outdated_version_is_a_conflict(registry: Bus) -> None:
    stored = await _submitted(registry)
    first = _changed(stored, description="first")
    await registry.request(DeploymentRevised(deployment=first, base=stored.updated_at))
    second = msgspec.structs.replace(stored, updated_at=NOW + timedelta(seconds=9))
    with pytest.raises(Conflict, match="changed by somebody else"):
        await registry.request(DeploymentRevised(deployment=second, base=stored.updated_at))
    assert (await _only_deployment(registry)).description == "first"


async def test_a_repeated_revision_changes_nothing(registry: Bus) -> None:
    stored = await _submitted(registry)
    revision = DeploymentRevised(
        deployment=_changed(stored, description="new"), base=stored.updated_at
    )
    assert await registry.request(revision) == await registry.request(revision)


async def test_a_revision_cannot_take_the_path_of_another(registry: Bus) -> None:
    stored = await _submitted(registry)
    other = deployment(pipeline(id=stored.pipeline_id), "other")
    await registry.request(DeploymentSubmitted(deployment=other))
    greedy = _changed(other, endpoint_url_path=stored.endpoint_url_path)
    with pytest.raises(Conflict, match="is taken"):
        await registry.request(DeploymentRevised(deployment=greedy, base=other.updated_at))


async def test_what_executors_report_of_pods_becomes_a_change(registry: Bus) -> None:
    stored = await _submitted(registry, Mode.LOW_LATENCY)
    pods = (Pod(id="pod-1", status=DeploymentStatus.UP),)
    report = PodReported(deployment_id=stored.id, status=DeploymentStatus.UP, pods=pods)
    await registry.publish(report)
    await eventually(lambda: _has(registry, status=DeploymentStatus.UP, pods=pods))
    revision = (await registry.request(CatalogRequested(after=0))).revision
    await registry.publish(report)
    failed = PodReported(
        deployment_id=stored.id, status=DeploymentStatus.FAILED, message="ImportError: \0"
    )
    await registry.publish(failed)
    await eventually(lambda: _has(registry, status=DeploymentStatus.FAILED, pods=()))
    assert (await _only_deployment(registry)).status_message == "ImportError: \0"
    assert (await registry.request(CatalogRequested(after=0))).revision == revision + 1


async def test_a_disabled_deployment_stays_disabled_whatever_its_pods_do(registry: Bus) -> None:
    stored = await _submitted(registry, Mode.LOW_LATENCY)
    disabled = _changed(stored, is_enabled=False)
    await registry.request(DeploymentRevised(deployment=disabled, base=stored.updated_at))
    pods = (Pod(id="pod-1", status=DeploymentStatus.UP),)
    await registry.publish(
        PodReported(deployment_id=stored.id, status=DeploymentStatus.UP, pods=pods)
    )
    await eventually(lambda: _has(registry, status=DeploymentStatus.DISABLED, pods=pods))


async def _has(bus: Bus, **expected: object) -> bool:
    stored = await _only_deployment(bus)
    return {name: getattr(stored, name) for name in expected} == expected


async def test_a_low_latency_deployment_has_its_queue_before_it_is_confirmed(
    registry: Bus,
) -> None:
    stored = await _submitted(registry, Mode.LOW_LATENCY)
    wish = PodRequested(deployment_id=stored.id, catalog_revision=2)
    partition = f"low-latency.{stored.id}"
    await registry.publish(wish, partition=partition)
    await registry.request(DeploymentDiscarded(deployment_id=stored.id))
    with pytest.raises(Unavailable, match="No queue"):
        await registry.publish(wish, partition=partition)
