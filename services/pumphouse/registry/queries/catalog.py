"""The catalog as its followers see it: what changed, what there is, what was announced."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from pumphouse.contracts.catalog import (
    CatalogChange,
    CatalogListed,
    Deployment,
    Pipeline,
    Variable,
)
from pumphouse.postgres import Connection, Pool, connection, transaction

_CHANGES = """
select newest.revision as newest, change.revision, change.body
from registry.catalog_revision newest
left join registry.catalog_changes change
    on change.revision > $1 and change.revision <= newest.revision
order by change.revision
"""

_WHOLE = """
select newest.revision as newest, item.kind, item.revision, item.body
from registry.catalog_revision newest
left join (
    select 'pipeline' as kind, revision, body from registry.pipelines
    union all
    select 'deployment', revision, body from registry.deployments
    union all
    select 'variable', revision, body from registry.variables
) item on true
order by item.revision
"""

_ANNOUNCED = "select revision from registry.catalog_announced for update"
_UNANNOUNCED = """
select body from registry.catalog_changes where revision > $1 order by revision limit $2
"""
_ANNOUNCE = "update registry.catalog_announced set revision = $1"
_LAGS = """
select announced.revision < newest.revision
from registry.catalog_announced announced, registry.catalog_revision newest
"""

_change = msgspec.json.Decoder(CatalogChange)


class CatalogLog:
    """Reads the log of changes, and hands it out in order for announcing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def changes_after(self, revision: int) -> CatalogListed:
        """What a follower at `revision` lacks: the changes, or everything when they are gone."""
        if revision <= 0:
            return await self._whole()
        async with connection(self._pool) as held:
            rows = await held.fetch(_CHANGES, revision)
        newest: int = rows[0]["newest"]
        changes = tuple(_change.decode(row["body"]) for row in rows if row["body"] is not None)
        if len(changes) != newest - revision:
            return await self._whole()
        return CatalogListed(revision=newest, changes=changes)

    async def _whole(self) -> CatalogListed:
        async with connection(self._pool) as held:
            rows = await held.fetch(_WHOLE)
        return CatalogListed(
            revision=rows[0]["newest"],
            is_whole=True,
            changes=tuple(_entry(row) for row in rows if row["body"] is not None),
        )

    async def lags(self) -> bool:
        """Whether some change has not been announced."""
        async with connection(self._pool) as held:
            return bool(await held.fetchval(_LAGS))

    @asynccontextmanager
    async def announcing(self, limit: int) -> AsyncIterator[Sequence[CatalogChange]]:
        """The next changes to announce; leaving the context well says that they are.

        Only one instance is inside at a time, so that changes are announced in order.
        """
        async with transaction(self._pool) as held:
            announced: int = await held.fetchval(_ANNOUNCED)
            changes = await _unannounced(held, announced, limit)
            yield changes
            if changes:
                await held.execute(_ANNOUNCE, changes[-1].revision)


async def _unannounced(held: Connection, announced: int, limit: int) -> list[CatalogChange]:
    return [_change.decode(row["body"]) for row in await held.fetch(_UNANNOUNCED, announced, limit)]


def _entry(row: asyncpg.Record) -> CatalogChange:
    revision, body = row["revision"], row["body"]
    match row["kind"]:
        case "pipeline":
            pipeline = msgspec.json.decode(body, type=Pipeline)
            return CatalogChange(revision=revision, pipeline=pipeline)
        case "deployment":
            deployment = msgspec.json.decode(body, type=Deployment)
            return CatalogChange(revision=revision, deployment=deployment)
        case _:
            variable = msgspec.json.decode(body, type=Variable)
            return CatalogChange(revision=revision, variable=variable)
