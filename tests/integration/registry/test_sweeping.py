"""The sweep removes what belongs to nothing and is old enough, and only that."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from pumphouse.bus import Bus
from pumphouse.contracts.definitions import DeploymentSubmitted, PipelineSubmitted
from pumphouse.contracts.records import ExecutionQueried
from pumphouse.errors import NotFound, Unavailable
from pumphouse.postgres import Pool
from pumphouse.registry import sweeping
from pumphouse.registry.app import running
from pumphouse.registry.clearing import Clearing
from pumphouse.registry.queries import DiscardedFiles, Owners
from pumphouse.registry.sweeping import Sweep
from pumphouse.storage import Bucket, Storage, open_storage
from pumphouse.storage.keys import (
    archive_key,
    constant_key,
    deployment_prefix,
    execution_prefix,
    input_key,
    output_key,
    upload_prefix,
    upload_size_key,
)
from tests.integration.registry.things import (
    deployment,
    eventually,
    new_id,
    pipeline,
    settings,
    trigger,
)
from tests.servers.object_store import fresh_store, own_object_store

PIPELINE = pipeline()
DEPLOYMENT = deployment(PIPELINE)
RUN = trigger(PIPELINE)
EXECUTION = trigger(PIPELINE, deployment_id=DEPLOYMENT.id)
OWNED = {
    archive_key(PIPELINE.id),
    constant_key(deployment_prefix(PIPELINE.id, DEPLOYMENT.id), "0"),
    input_key(execution_prefix(PIPELINE.id, DEPLOYMENT.id, EXECUTION.execution_id), 0),
    output_key(execution_prefix(PIPELINE.id, None, RUN.execution_id), 0),
}
ORPHANS = {
    archive_key(new_id()),
    input_key(execution_prefix(new_id(), new_id(), new_id()), 0),
    constant_key(deployment_prefix(PIPELINE.id, new_id()), "0"),
    input_key(execution_prefix(PIPELINE.id, DEPLOYMENT.id, new_id()), 0),
    input_key(execution_prefix(PIPELINE.id, None, new_id()), 0),
    input_key(execution_prefix(PIPELINE.id, None, "no-id-at-all"), 0),
    input_key(execution_prefix(PIPELINE.id, None, EXECUTION.execution_id.upper()), 0),
}
HOUR = timedelta(hours=1)


@pytest.fixture
async def store(s3_url: str) -> AsyncIterator[Storage]:
    """An empty store."""
    with fresh_store(s3_url) as url:
        async with open_storage(url) as storage:
            yield storage


class Sweeper:
    """A sweep, and the clearing of what it finds, without a clock."""

    def __init__(self, storage: Storage, pool: Pool) -> None:
        self._discarded = DiscardedFiles(pool)
        self._bucket = storage.platform
        clearing = Clearing(self._discarded, storage.platform)
        self._sweep = Sweep(storage, Owners(pool), self._discarded, clearing)

    async def sweep(self, before: datetime) -> None:
        await self._sweep.once(before)
        while (prefix := await self._discarded.take()) is not None:
            await self._bucket.delete_below(prefix)
            await self._discarded.forget(prefix)


@pytest.fixture
async def sweeper(registry: Bus, store: Storage, pool: Pool) -> Sweeper:
    """Beside a database in which the owners of OWNED are."""
    await _own(registry)
    return Sweeper(store, pool)


async def _own(bus: Bus) -> None:
    await bus.request(PipelineSubmitted(pipeline=PIPELINE))
    await bus.request(DeploymentSubmitted(deployment=DEPLOYMENT))
    for accepted in (RUN, EXECUTION):
        await bus.publish(accepted)
        await bus.request(ExecutionQueried(execution_id=accepted.execution_id))


async def _keys(bucket: Bucket) -> set[str]:
    return {item.key for item in (await bucket.page()).objects}


def _soon() -> datetime:
    return datetime.now(UTC) + HOUR


async def test_what_belongs_to_nothing_is_deleted_and_nothing_else(
    sweeper: Sweeper, store: Storage
) -> None:
    for key in OWNED | ORPHANS | {"elsewhere/0"}:
        await store.platform.put(key, b"content")
    await store.data.put(next(iter(ORPHANS)), b"a user's own")
    await sweeper.sweep(before=_soon())
    assert await _keys(store.platform) == OWNED | {"elsewhere/0"}
    assert await _keys(store.data) == {next(iter(ORPHANS))}


async def test_what_is_young_stays(sweeper: Sweeper, store: Storage) -> None:
    old, young = sorted(ORPHANS)[:2]
    note = upload_size_key(upload_prefix("young"))
    await store.platform.put(old, b"content")
    old_at = (await store.platform.info(old)).modified_at

    async def is_younger() -> bool:
        for key in (young, note):
            await store.platform.put(key, b"content")
        return (await store.platform.info(young)).modified_at > old_at

    await eventually(is_younger)
    await sweeper.sweep(before=(await store.platform.info(young)).modified_at)
    assert await _keys(store.platform) == {young, note}


async def test_objects_on_every_page_are_looked_at(
    sweeper: Sweeper, store: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "AT_ONCE", 2)
    for key in OWNED | ORPHANS:
        await store.platform.put(key, b"content")
    await sweeper.sweep(before=_soon())
    assert await _keys(store.platform) == OWNED


async def test_old_notes_of_uploads_are_deleted(sweeper: Sweeper, store: Storage) -> None:
    for name in ("one", "two"):
        await store.platform.put(upload_size_key(upload_prefix(name)), b"5")
    await sweeper.sweep(before=datetime.now(UTC) - HOUR)
    assert len(await _keys(store.platform)) == 2
    await sweeper.sweep(before=_soon())
    assert await _keys(store.platform) == set()


async def test_unfinished_uploads_are_aborted_when_they_are_old(
    sweeper: Sweeper, store: Storage
) -> None:
    uploads = [
        (bucket, await bucket.begin_upload("a/big.bin")) for bucket in (store.data, store.platform)
    ]
    await sweeper.sweep(before=datetime.now(UTC) - HOUR)
    for bucket, upload_id in uploads:
        assert await bucket.uploaded_parts("a/big.bin", upload_id) == ()
    await sweeper.sweep(before=_soon())
    for bucket, upload_id in uploads:
        with pytest.raises(NotFound):
            await bucket.uploaded_parts("a/big.bin", upload_id)


async def test_the_registry_sweeps_by_itself(database_url: str, s3_url: str, bus: Bus) -> None:
    with fresh_store(s3_url) as url:
        often = settings(database_url, url, sweep_every_s=0.1, unfinished_upload_life_s=0.1)
        async with running(often, bus), open_storage(url) as storage:
            await _own(bus)
            for key in OWNED | ORPHANS:
                await storage.platform.put(key, b"content")

            async def only_the_owned_are_left() -> bool:
                return await _keys(storage.platform) == OWNED

            await eventually(only_the_owned_are_left)


async def test_sweeps_that_find_no_store_are_followed_by_one_that_does(
    database_url: str, bus: Bus
) -> None:
    with own_object_store() as own:
        url = f"{own.url.rstrip('/')}/pumphouse"
        often = settings(database_url, url, sweep_every_s=0.05, unfinished_upload_life_s=0)
        async with open_storage(url) as storage, running(often, bus):
            await _own(bus)
            own.kill()
            with pytest.raises(Unavailable):
                await storage.platform.page()
            await asyncio.to_thread(own.start)
            await storage.platform.put(min(ORPHANS), b"content")

            async def is_empty() -> bool:
                return await _keys(storage.platform) == set()

            await eventually(is_empty)
