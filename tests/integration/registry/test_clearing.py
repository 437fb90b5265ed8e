"""What is discarded leaves the object store, at the latest when the store is back."""

import asyncio
from collections.abc import Iterator

import pytest

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.definitions import (
    DeploymentDiscarded,
    DeploymentSubmitted,
    PipelineDiscarded,
    PipelineSubmitted,
)
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.records import ExecutionDiscarded, ExecutionQueried
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Conflict, NotFound
from pumphouse.postgres import Pool, connection
from pumphouse.registry.app import running
from pumphouse.registry.queries import DiscardedFiles
from pumphouse.registry.queries import discarded_files as discarded_file_queries
from pumphouse.storage import Bucket, Storage, open_storage
from pumphouse.storage.keys import (
    archive_key,
    constant_key,
    deployment_prefix,
    execution_prefix,
    input_key,
    output_key,
)
from tests.integration.registry.things import (
    deployment,
    eventually,
    finished,
    pipeline,
    settings,
    trigger,
)
from tests.servers.object_store import OwnStore, own_object_store


class Stage:
    """A pipeline, a deployment of it, a run and an execution, each with files."""

    def __init__(self) -> None:
        self.pipeline: Pipeline = pipeline()
        self.deployment: Deployment = deployment(self.pipeline)
        self.run: TriggerAccepted = trigger(self.pipeline)
        self.execution: TriggerAccepted = trigger(self.pipeline, deployment_id=self.deployment.id)
        ids = (self.pipeline.id, self.deployment.id)
        run = execution_prefix(self.pipeline.id, None, self.run.execution_id)
        execution = execution_prefix(*ids, self.execution.execution_id)
        self.of_run = {input_key(run, 0), output_key(run, 0)}
        self.of_execution = {input_key(execution, 0)}
        self.of_deployment = {constant_key(deployment_prefix(*ids), "0")} | self.of_execution
        self.files = {archive_key(self.pipeline.id)} | self.of_deployment | self.of_run

    async def fill(self, bus: Bus, bucket: Bucket) -> None:
        for key in self.files:
            await bucket.put(key, b"content")
        await bus.request(PipelineSubmitted(pipeline=self.pipeline))
        await bus.request(DeploymentSubmitted(deployment=self.deployment))
        for accepted in (self.run, self.execution):
            await bus.publish(accepted)
            await bus.request(ExecutionQueried(execution_id=accepted.execution_id))

    async def remaining(self, bucket: Bucket) -> set[str]:
        page = await bucket.page(f"pipelines/{self.pipeline.id}/")
        return {item.key for item in page.objects}

    async def comes_to(self, bucket: Bucket, keys: set[str], within_s: float = 30) -> None:
        async def is_so() -> bool:
            return await self.remaining(bucket) == keys

        await eventually(is_so, within_s)


async def _nothing_waits(pool: Pool) -> None:
    async def is_so() -> bool:
        async with connection(pool) as held:
            return not await held.fetch("select from registry.discarded_files")

    await eventually(is_so)


async def test_the_files_of_a_discarded_execution_are_deleted_and_no_others(
    registry: Bus, storage: Storage, pool: Pool
) -> None:
    stage, neighbour = Stage(), Stage()
    neighbour.pipeline = pipeline("neighbour", id=neighbour.pipeline.id)
    neighbour.deployment = deployment(neighbour.pipeline, "neighbour", id=neighbour.deployment.id)
    for each in (stage, neighbour):
        await each.fill(registry, storage.platform)
    await registry.request(ExecutionDiscarded(execution_id=stage.run.execution_id))
    await stage.comes_to(storage.platform, stage.files - stage.of_run)
    await registry.request(ExecutionDiscarded(execution_id=stage.execution.execution_id))
    await stage.comes_to(storage.platform, stage.files - stage.of_run - stage.of_execution)
    await _nothing_waits(pool)
    assert await neighbour.remaining(storage.platform) == neighbour.files


async def test_the_files_of_a_discarded_deployment_go_with_those_of_its_executions(
    registry: Bus, storage: Storage
) -> None:
    stage = Stage()
    await stage.fill(registry, storage.platform)
    await registry.request(DeploymentDiscarded(deployment_id=stage.deployment.id))
    await stage.comes_to(storage.platform, stage.files - stage.of_deployment)


async def test_everything_of_a_discarded_pipeline_goes(
    registry: Bus, storage: Storage, pool: Pool
) -> None:
    stage = Stage()
    await stage.fill(registry, storage.platform)
    await registry.request(PipelineDiscarded(pipeline_id=stage.pipeline.id, with_deployments=True))
    await stage.comes_to(storage.platform, set())
    await _nothing_waits(pool)


async def test_a_refused_discard_deletes_nothing(
    registry: Bus, storage: Storage, pool: Pool
) -> None:
    stage = Stage()
    await stage.fill(registry, storage.platform)
    with pytest.raises(Conflict):
        await registry.request(PipelineDiscarded(pipeline_id=stage.pipeline.id))
    await _nothing_waits(pool)
    assert await stage.remaining(storage.platform) == stage.files


# -- when the store is down


@pytest.fixture
def own_store() -> Iterator[OwnStore]:
    with own_object_store() as store:
        yield store


async def test_discarding_goes_on_while_the_store_is_down_and_files_go_when_it_is_back(
    database_url: str, own_store: OwnStore, bus: Bus
) -> None:
    url = f"{own_store.url.rstrip('/')}/pumphouse"
    stage = Stage()
    async with open_storage(url) as storage, running(settings(database_url, url), bus):
        await stage.fill(bus, storage.platform)
        own_store.kill()
        async with asyncio.timeout(60):
            await bus.request(ExecutionDiscarded(execution_id=stage.run.execution_id))
            await bus.request(DeploymentDiscarded(deployment_id=stage.deployment.id))
            later = trigger(stage.pipeline)
            await bus.publish(later)
            await bus.publish(finished(later))
            found = await bus.request(ExecutionQueried(execution_id=later.execution_id, ended=True))
        assert found.execution.status is Status.SUCCEEDED
        with pytest.raises(NotFound):
            await bus.request(ExecutionQueried(execution_id=stage.run.execution_id))
        await asyncio.to_thread(own_store.start)
        kept = stage.files - stage.of_run - stage.of_deployment
        await stage.comes_to(storage.platform, kept)


async def test_what_a_registry_did_not_delete_the_next_one_does(
    database_url: str, own_store: OwnStore
) -> None:
    url = f"{own_store.url.rstrip('/')}/pumphouse"
    stage = Stage()
    async with open_storage(url) as storage:
        async with open_bus(None, "before") as bus, running(settings(database_url, url), bus):
            await stage.fill(bus, storage.platform)
            own_store.kill()
            discarded = PipelineDiscarded(pipeline_id=stage.pipeline.id, with_deployments=True)
            await bus.request(discarded)
        await asyncio.to_thread(own_store.start)
        assert await stage.remaining(storage.platform) == stage.files
        async with open_bus(None, "after") as bus, running(settings(database_url, url), bus):
            await stage.comes_to(storage.platform, set())


# -- several registries


async def test_a_prefix_is_taken_by_one_registry_at_a_time(pool: Pool) -> None:
    one, two = DiscardedFiles(pool), DiscardedFiles(pool)
    await one.discard(["a/", "b/", "a/"])
    taken = await asyncio.gather(one.take(), two.take(), one.take())
    assert sorted(filter(None, taken)) == ["a/", "b/"]
    await one.forget("a/")
    await two.put_back("b/")
    assert [await one.take(), await one.take()] == ["b/", None]


async def test_a_prefix_whose_registry_died_is_taken_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    discarded = DiscardedFiles(pool)
    await discarded.discard(["a/"])
    monkeypatch.setattr(discarded_file_queries, "LEASE_S", 0)
    assert await discarded.take() == "a/"
    assert await discarded.take() == "a/"


async def test_what_is_put_back_waits_for_the_others(pool: Pool) -> None:
    discarded = DiscardedFiles(pool)
    for prefix in ("a/", "b/"):
        await discarded.discard([prefix])
    assert await discarded.take() == "a/"
    await discarded.put_back("a/")
    assert [await discarded.take(), await discarded.take()] == ["b/", "a/"]
