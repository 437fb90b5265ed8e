"""Storing and reading what executions record about themselves."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from pumphouse.contracts.metrics import (
    Metric,
    MetricFilter,
    MetricList,
    MetricListsListed,
    MetricPart,
    MetricsListed,
)
from pumphouse.postgres import Pool, connection

_RECORD = """
with execution as (
    select id from registry.executions where id = $1 for key share
)
insert into registry.metrics (execution_id, name, value) select id, $2, $3 from execution
on conflict (execution_id, name) do update set value = excluded.value
returning id
"""
_EXTEND = """
with execution as (
    select id from registry.executions where id = $1 for key share
), list as (
    insert into registry.metric_lists as stored (execution_id, name, length)
    select id, $2, cardinality($3::float8[]) from execution
    on conflict (execution_id, name) do update set length = stored.length + excluded.length
    returning id, length - cardinality($3::float8[]) as position
)
insert into registry.metric_values (list_id, position, values)
select id, position, $3::float8[] from list
returning list_id
"""
_EXISTS = "select from registry.executions where id = $1"
_PAGE = """
with found as materialized (
    select metric.id, metric.name, metric.value, metric.created_at, metric.execution_id,
        execution.pipeline_id, execution.deployment_id
    from registry.metrics metric
    join registry.executions execution on execution.id = metric.execution_id
    where ($1::text is null or metric.name = $1)
        and ($2::text is null or execution.pipeline_id = $2)
        and ($3::text is null or execution.deployment_id = $3)
        and ($4::uuid is null or metric.execution_id = $4)
)
select total_count, page.*
from (select count(*) as total_count from found) counted
left join (select * from found order by created_at, id offset $5 limit $6) page on true
order by created_at, id
"""
_PAGE_OF_LISTS = """
with found as materialized (
    select list.id, list.name, list.length, list.created_at, list.execution_id,
        execution.pipeline_id, execution.deployment_id
    from registry.metric_lists list
    join registry.executions execution on execution.id = list.execution_id
    where ($1::text is null or list.name = $1)
        and ($2::text is null or execution.pipeline_id = $2)
        and ($3::text is null or execution.deployment_id = $3)
        and ($4::uuid is null or list.execution_id = $4)
)
select total_count, page.*
from (select count(*) as total_count from found) counted
left join (select * from found order by created_at, id offset $5 limit $6) page on true
order by created_at, id
"""
_VALUES = """
select part.number, part.first, part.count, stored.position, stored.values
from unnest($1::bigint[], $2::bigint[], $3::bigint[])
    with ordinality as part (list_id, first, count, number)
join registry.metric_values stored
    on stored.list_id = part.list_id
    and stored.position < part.first + part.count
    and stored.position + cardinality(stored.values) > part.first
order by part.number, stored.position
"""


class Metrics:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(self, execution_id: UUID, name: str, value: float) -> bool:
        """False when there is no such execution."""
        async with connection(self._pool) as held:
            return await held.fetchrow(_RECORD, execution_id, name, value) is not None

    async def extend(self, execution_id: UUID, name: str, values: Sequence[float]) -> bool:
        """False when there is no such execution. Without values nothing is stored."""
        async with connection(self._pool) as held:
            if not values:
                return await held.fetchrow(_EXISTS, execution_id) is not None
            return await held.fetchrow(_EXTEND, execution_id, name, values) is not None

    async def page(self, wanted: MetricFilter, offset: int, limit: int) -> MetricsListed:
        rows = await self._page(_PAGE, wanted, offset, limit)
        metrics = tuple(
            Metric(
                name=row["name"],
                value=row["value"],
                created_at=row["created_at"],
                execution_id=str(row["execution_id"]),
                pipeline_id=row["pipeline_id"],
                deployment_id=row["deployment_id"],
            )
            for row in rows
            if row["id"] is not None
        )
        return MetricsListed(metrics=metrics, total_count=rows[0]["total_count"])

    async def page_of_lists(
        self, wanted: MetricFilter, offset: int, limit: int
    ) -> MetricListsListed:
        rows = await self._page(_PAGE_OF_LISTS, wanted, offset, limit)
        lists = tuple(
            MetricList(
                id=row["id"],
                name=row["name"],
                length=row["length"],
                created_at=row["created_at"],
                execution_id=str(row["execution_id"]),
                pipeline_id=row["pipeline_id"],
                deployment_id=row["deployment_id"],
            )
            for row in rows
            if row["id"] is not None
        )
        return MetricListsListed(lists=lists, total_count=rows[0]["total_count"])

    async def values(self, parts: Sequence[MetricPart]) -> list[tuple[float, ...]]:
        """The values of each part."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                _VALUES,
                [part.list_id for part in parts],
                [part.first for part in parts],
                [part.count for part in parts],
            )
        found: list[list[float]] = [[] for _ in parts]
        for row in rows:
            begin = max(row["first"] - row["position"], 0)
            end = row["first"] + row["count"] - row["position"]
            found[row["number"] - 1].extend(row["values"][begin:end])
        return [tuple(values) for values in found]

    async def _page(
        self, statement: str, wanted: MetricFilter, offset: int, limit: int
    ) -> list[asyncpg.Record]:
        async with connection(self._pool) as held:
            return await held.fetch(
                statement,
                wanted.name,
                wanted.pipeline_id,
                wanted.deployment_id,
                wanted.execution_id,
                offset,
                limit,
            )
