"""Changing definitions: one transaction at a time, each change with a revision of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
import msgspec

from pumphouse.contracts.catalog import CatalogChange, Deployment, Pipeline, Variable
from pumphouse.postgres import Connection, Pool, connection, transaction
from pumphouse.registry.queries.discarded_files import discard_files
from pumphouse.storage.keys import deployment_prefix, pipeline_prefix

T = TypeVar("T", bound=msgspec.Struct)

KEPT_CHANGES = 10_000

_TAKE_TURN = "select revision from registry.catalog_revision for update"
_ADVANCE = "update registry.catalog_revision set revision = $1"
_LOG = """
insert into registry.catalog_changes (revision, body)
select * from unnest($1::bigint[], $2::bytea[])
"""
_TRIM = "delete from registry.catalog_changes where revision <= $1"

_PIPELINE = "select body from registry.pipelines where id = $1 for update"
_PIPELINE_NAMED = "select body from registry.pipelines where name = $1"
_KEEP_PIPELINE = """
insert into registry.pipelines (id, name, revision, body) values ($1, $2, $3, $4)
on conflict (id) do update set name = $2, revision = $3, body = $4
"""
_DROP_PIPELINE = "delete from registry.pipelines where id = $1"
_BEGIN_BUILD = "insert into registry.builds (pipeline_id) values ($1) on conflict do nothing"
_END_BUILD = "delete from registry.builds where pipeline_id = $1"
_ENTOMB_PIPELINE = """
with gone as (
    select id from registry.executions where pipeline_id = $1 order by id for update
)
insert into registry.deleted_executions (id) select id from gone on conflict do nothing
"""

_DEPLOYMENT = "select body from registry.deployments where id = $1 for update"
_DEPLOYMENT_NAMED = "select body from registry.deployments where name = $1"
_DEPLOYMENT_AT = "select body from registry.deployments where endpoint_url_path = $1"
_DEPLOYMENTS_OF = """
select body from registry.deployments where pipeline_id = $1 order by id for update
"""
_DEPLOYMENTS = "select body from registry.deployments order by id"
_KEEP_DEPLOYMENT = """
insert into registry.deployments (id, name, pipeline_id, endpoint_url_path, revision, body)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update
set name = $2, pipeline_id = $3, endpoint_url_path = $4, revision = $5, body = $6
"""
_DROP_DEPLOYMENT = "delete from registry.deployments where id = $1"
_ENTOMB_DEPLOYMENT = """
with gone as (
    select id from registry.executions where deployment_id = $1 order by id for update
)
insert into registry.deleted_executions (id) select id from gone on conflict do nothing
"""

_VARIABLE = "select body from registry.variables where name = $1"
_KEEP_VARIABLE = """
insert into registry.variables (name, revision, body) values ($1, $2, $3)
on conflict (name) do update set revision = $2, body = $3
"""
_DROP_VARIABLE = "delete from registry.variables where name = $1"


class Draft:
    """Definitions as they are and as they become, inside one transaction that has its turn.

    Pipelines are locked before deployments, and both before executions, here as in folding.
    """

    def __init__(self, held: Connection, revision: int) -> None:
        self._held = held
        self._changes: list[CatalogChange] = []
        self._revision = revision

    async def pipeline(self, pipeline_id: str) -> Pipeline | None:
        return _read(Pipeline, await self._held.fetchrow(_PIPELINE, pipeline_id))

    async def pipeline_named(self, name: str) -> Pipeline | None:
        return _read(Pipeline, await self._held.fetchrow(_PIPELINE_NAMED, name))

    async def deployment(self, deployment_id: str) -> Deployment | None:
        return _read(Deployment, await self._held.fetchrow(_DEPLOYMENT, deployment_id))

    async def deployment_named(self, name: str) -> Deployment | None:
        return _read(Deployment, await self._held.fetchrow(_DEPLOYMENT_NAMED, name))

    async def deployment_at(self, endpoint_url_path: str) -> Deployment | None:
        return _read(Deployment, await self._held.fetchrow(_DEPLOYMENT_AT, endpoint_url_path))

    async def deployments_of(self, pipeline_id: str) -> list[Deployment]:
        rows = await self._held.fetch(_DEPLOYMENTS_OF, pipeline_id)
        return [msgspec.json.decode(row["body"], type=Deployment) for row in rows]

    async def variable(self, name: str) -> Variable | None:
        return _read(Variable, await self._held.fetchrow(_VARIABLE, name))

    async def keep_pipeline(self, pipeline: Pipeline) -> None:
        revision = self._log(CatalogChange(revision=self._next, pipeline=pipeline))
        body = msgspec.json.encode(pipeline)
        await self._held.execute(_KEEP_PIPELINE, pipeline.id, pipeline.name, revision, body)

    async def begin_build(self, pipeline_id: str) -> None:
        """Have the environment of a pipeline built, once the transaction is committed."""
        await self._held.execute(_BEGIN_BUILD, pipeline_id)

    async def end_build(self, pipeline_id: str) -> None:
        await self._held.execute(_END_BUILD, pipeline_id)

    async def keep_deployment(self, deployment: Deployment) -> None:
        revision = self._log(CatalogChange(revision=self._next, deployment=deployment))
        await self._held.execute(
            _KEEP_DEPLOYMENT,
            deployment.id,
            deployment.name,
            deployment.pipeline_id,
            deployment.endpoint_url_path,
            revision,
            msgspec.json.encode(deployment),
        )

    async def keep_variable(self, variable: Variable) -> None:
        revision = self._log(CatalogChange(revision=self._next, variable=variable))
        body = msgspec.json.encode(variable)
        await self._held.execute(_KEEP_VARIABLE, variable.name, revision, body)

    async def drop_pipeline(self, pipeline_id: str) -> None:
        """Remove it with its executions and files; its deployments must be gone."""
        self._log(CatalogChange(revision=self._next, deleted_pipeline_id=pipeline_id))
        await self._held.execute(_ENTOMB_PIPELINE, pipeline_id)
        await self._held.execute(_DROP_PIPELINE, pipeline_id)
        await discard_files(self._held, [pipeline_prefix(pipeline_id)])

    async def drop_deployment(self, deployment: Deployment) -> None:
        """Remove it with its executions and files."""
        self._log(CatalogChange(revision=self._next, deleted_deployment_id=deployment.id))
        await self._held.execute(_ENTOMB_DEPLOYMENT, deployment.id)
        await self._held.execute(_DROP_DEPLOYMENT, deployment.id)
        await discard_files(self._held, [deployment_prefix(deployment.pipeline_id, deployment.id)])

    async def drop_variable(self, name: str) -> None:
        self._log(CatalogChange(revision=self._next, deleted_variable=name))
        await self._held.execute(_DROP_VARIABLE, name)

    async def write_log(self) -> None:
        """Store the changes that were made, and the revision that they lead to."""
        if not self._changes:
            return
        revisions = [change.revision for change in self._changes]
        bodies = [msgspec.json.encode(change) for change in self._changes]
        await self._held.execute(_LOG, revisions, bodies)
        await self._held.execute(_ADVANCE, self._revision)
        await self._held.execute(_TRIM, self._revision - KEPT_CHANGES)

    @property
    def _next(self) -> int:
        return self._revision + 1

    def _log(self, change: CatalogChange) -> int:
        self._changes.append(change)
        self._revision = change.revision
        return change.revision


class Definitions:
    """Where drafts come from."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns = asyncio.Lock()

    @asynccontextmanager
    async def revising(self) -> AsyncIterator[Draft]:
        """A draft that is committed when the context ends well; drafts wait for one another."""
        # Our own wait here, in order of arrival, and not each with a connection in its hand.
        async with self._turns, transaction(self._pool) as held:
            draft = Draft(held, await held.fetchval(_TAKE_TURN))
            yield draft
            await draft.write_log()

    async def deployments(self) -> list[Deployment]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_DEPLOYMENTS)
        return [msgspec.json.decode(row["body"], type=Deployment) for row in rows]


def _read(kind: type[T], row: asyncpg.Record | None) -> T | None:
    return None if row is None else msgspec.json.decode(row["body"], type=kind)
