"""Reading and deleting the records of executions."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.executions import (
    LogLine,
    PlannedInput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.contracts.records import ExecutionDescribed, ExecutionSummary
from pumphouse.contracts.vocabulary import Origin, Status
from pumphouse.postgres import Pool, connection, transaction
from pumphouse.registry.domain import (
    Stage,
    Unfinished,
    expected_inputs,
    expected_outputs,
    stage_of,
)
from pumphouse.registry.queries.discarded_files import discard_files
from pumphouse.storage.keys import execution_prefix

_FIND = """
select execution.id, status, origin, pipeline_id, deployment_id, created_at, created_by,
    started_at, finished_at, attempt, trigger, inputs, outputs, error, pipeline.body as pipeline
from registry.executions execution
join registry.pipelines pipeline on pipeline.id = execution.pipeline_id
where execution.id = $1
"""
_OF_PIPELINE = """
select id, status, origin, pipeline_id, deployment_id, created_at, created_by, started_at,
    finished_at, attempt
from registry.executions where pipeline_id = $1 order by created_at desc, id desc limit $2
"""
_OF_DEPLOYMENT = """
select id, status, origin, pipeline_id, deployment_id, created_at, created_by, started_at,
    finished_at, attempt
from registry.executions where deployment_id = $1 order by created_at desc, id desc limit $2
"""
_STATUSES = "select id, status from registry.executions where id = any($1::uuid[])"
_LOGS = """
select at, stream, text from registry.log_lines
where execution_id = $1 and ($2::timestamptz is null or at >= $2)
    and ($3::timestamptz is null or at <= $3)
order by attempt, position limit $4
"""
_UNFINISHED = """
select started_at is not null as has_started, attempt, trigger
from registry.executions where status in ('Pending', 'Running') order by id
"""
_DELETE = """
delete from registry.executions where id = $1 returning pipeline_id, deployment_id
"""
_ENTOMB = "insert into registry.deleted_executions (id) values ($1) on conflict do nothing"
_ENTOMBED = "select from registry.deleted_executions where id = $1"
_FORGET = "delete from registry.deleted_executions where deleted_at < now() - interval '1 day'"

_inputs = msgspec.json.Decoder(tuple[PlannedInput, ...])
_outputs = msgspec.json.Decoder(tuple[ProducedOutput, ...])
_trigger = msgspec.json.Decoder(TriggerAccepted)
_pipeline = msgspec.json.Decoder(Pipeline)


class Executions:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, identifier: UUID) -> ExecutionDescribed | None:
        async with connection(self._pool) as held:
            row = await held.fetchrow(_FIND, identifier)
        return None if row is None else _described(row)

    async def is_deleted(self, identifier: UUID) -> bool:
        async with connection(self._pool) as held:
            return await held.fetchrow(_ENTOMBED, identifier) is not None

    async def of_pipeline(self, pipeline_id: str, limit: int | None) -> list[ExecutionSummary]:
        """Newest first."""
        async with connection(self._pool) as held:
            return [_summary(row) for row in await held.fetch(_OF_PIPELINE, pipeline_id, limit)]

    async def of_deployment(self, deployment_id: str, limit: int | None) -> list[ExecutionSummary]:
        """Newest first."""
        async with connection(self._pool) as held:
            return [_summary(row) for row in await held.fetch(_OF_DEPLOYMENT, deployment_id, limit)]

    async def stages(self, ids: Collection[UUID]) -> dict[UUID, Stage]:
        """How far those of the executions that are recorded have come."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_STATUSES, list(ids))
        return {row["id"]: stage_of(Status(row["status"])) for row in rows}

    async def logs(
        self, identifier: UUID, since: datetime | None, until: datetime | None, limit: int | None
    ) -> list[LogLine]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_LOGS, identifier, since, until, limit)
        return [
            LogLine(at=row["at"], stream=row["stream"], text=row["text"].decode()) for row in rows
        ]

    async def unfinished(self) -> list[Unfinished]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_UNFINISHED)
        return [
            Unfinished(_trigger.decode(row["trigger"]), row["attempt"], row["has_started"])
            for row in rows
        ]

    async def delete(self, identifier: UUID) -> bool:
        """Remove a record for good, and its files; False when there is none."""
        async with transaction(self._pool) as held:
            row = await held.fetchrow(_DELETE, identifier)
            if row is None:
                return False
            await held.execute(_ENTOMB, identifier)
            prefix = execution_prefix(row["pipeline_id"], row["deployment_id"], str(identifier))
            await discard_files(held, [prefix])
            await held.execute(_FORGET)
            return True

    async def forget_deleted(self) -> None:
        """Drop the memory of what was deleted so long ago that no event of it is on its way."""
        async with connection(self._pool) as held:
            await held.execute(_FORGET)


def _summary(row: asyncpg.Record) -> ExecutionSummary:
    return ExecutionSummary(
        id=str(row["id"]),
        status=Status(row["status"]),
        origin=Origin(row["origin"]),
        pipeline_id=row["pipeline_id"],
        deployment_id=row["deployment_id"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        attempt=row["attempt"],
    )


def _described(row: asyncpg.Record) -> ExecutionDescribed:
    summary = _summary(row)
    return ExecutionDescribed(
        execution=summary,
        inputs=_inputs_of(row),
        outputs=_outputs_of(row, summary.status),
        error=None if row["error"] is None else row["error"].decode(),
    )


def _inputs_of(row: asyncpg.Record) -> tuple[PlannedInput, ...]:
    if row["inputs"] is not None:
        return _inputs.decode(row["inputs"])
    return expected_inputs(_trigger.decode(row["trigger"]), _pipeline.decode(row["pipeline"]))


def _outputs_of(row: asyncpg.Record, status: Status) -> tuple[ProducedOutput, ...]:
    if row["outputs"] is not None:
        return _outputs.decode(row["outputs"])
    if status.is_terminal:
        return ()
    return expected_outputs(_trigger.decode(row["trigger"]), _pipeline.decode(row["pipeline"]))
