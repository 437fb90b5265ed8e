"""Folding events into the record of executions: compare-and-set, one statement per kind of event.

What started_at, inputs and outputs say belongs to the recorded attempt; a later attempt replaces
it, an earlier one is refused. Every order of an execution's events gives the same end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from pumphouse.contracts.codec import encode
from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionStarted,
    PlannedOutput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.postgres import Connection, Pool, connection, transaction
from pumphouse.registry.batches import Batch, Event, PlacedLine, gathered
from pumphouse.registry.domain import Stage

# The deployments wait for the pipelines, so that both are locked in the order that deleting uses.
_TRIGGERS = """
with pipeline as (
    select id from registry.pipelines where id = any($3::text[]) for key share
), deployment as (
    select id from registry.deployments
    where id = any($4::text[]) and pipeline_id in (select id from pipeline)
    for key share
)
insert into registry.executions as stored
    (id, status, origin, pipeline_id, deployment_id, created_at, created_by, attempt, trigger)
select wanted.id, 'Pending', wanted.origin, wanted.pipeline_id, wanted.deployment_id,
    wanted.created_at, wanted.created_by, wanted.attempt, wanted.trigger
from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::integer[],
    $8::bytea[]
) as wanted (
    id, origin, pipeline_id, deployment_id, created_at, created_by, attempt, trigger
)
where wanted.pipeline_id in (select id from pipeline)
    and (wanted.deployment_id is null or wanted.deployment_id in (select id from deployment))
    and not exists (select from registry.deleted_executions gone where gone.id = wanted.id)
order by wanted.id
on conflict (id) do update
set attempt = excluded.attempt, started_at = null, inputs = null, outputs = null
where stored.attempt < excluded.attempt and stored.status in ('Pending', 'Running')
returning id
"""

_LOCK = "select id from registry.executions where id = any($1::uuid[]) order by id for update"

_ENTOMB = """
insert into registry.deleted_executions (id) select unnest($1::uuid[]) on conflict do nothing
"""
_ENTOMBED = "select id from registry.deleted_executions where id = any($1::uuid[])"

_STARTS = """
update registry.executions stored set
    status = case stored.status when 'Pending' then 'Running' else stored.status end,
    attempt = started.attempt,
    started_at = case when stored.attempt = started.attempt
        then coalesce(stored.started_at, started.started_at) else started.started_at end,
    inputs = case when stored.attempt = started.attempt
        then coalesce(stored.inputs, started.inputs) else started.inputs end,
    outputs = case when stored.status in ('Pending', 'Running')
        then started.outputs else stored.outputs end
from unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::bytea[], $5::bytea[])
    as started (id, attempt, started_at, inputs, outputs)
where stored.id = started.id
    and stored.attempt <= started.attempt
    and (stored.attempt = started.attempt or stored.status in ('Pending', 'Running'))
    and (
        stored.attempt < started.attempt
        or stored.started_at is null
        or (stored.inputs is null and started.inputs is not null)
    )
returning stored.id
"""

_ENDS = """
update registry.executions stored set
    status = ended.status,
    attempt = ended.attempt,
    started_at = case when stored.attempt = ended.attempt
        then coalesce(ended.started_at, stored.started_at) else ended.started_at end,
    finished_at = ended.finished_at,
    inputs = case when stored.attempt = ended.attempt
        then coalesce(ended.inputs, stored.inputs) else ended.inputs end,
    outputs = ended.outputs,
    error = ended.error
from unnest(
    $1::uuid[], $2::integer[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bytea[],
    $7::bytea[], $8::bytea[]
) as ended (id, attempt, status, started_at, finished_at, inputs, outputs, error)
where stored.id = ended.id
    and stored.attempt <= ended.attempt
    and stored.status in ('Pending', 'Running')
returning stored.id
"""

_LINES = """
insert into registry.log_lines (execution_id, attempt, position, at, stream, text)
select * from unnest(
    $1::uuid[], $2::integer[], $3::integer[], $4::timestamptz[], $5::text[], $6::bytea[]
)
on conflict do nothing
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a batch.

    stages: executions that moved, and how far. missing: executions that the batch speaks of and
    that are neither recorded nor known to be deleted.
    """

    stages: Mapping[UUID, Stage]
    missing: frozenset[UUID]


class Folds:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fold(self, events: Sequence[Event]) -> Outcome:
        """Store a batch in one commit. Raises Invalid when Postgres cannot hold a value."""
        batch = gathered(events)
        if len(events) == 1 and not batch.lines and (stages := await self._moved(batch)):
            return Outcome(stages, frozenset())
        async with transaction(self._pool) as held:
            inserted = await _triggers(held, batch.triggers)
            recorded = inserted | await _recorded(held, batch.ids - inserted)
            started = await _starts(held, _of(recorded, batch.starts))
            ended = await _ends(held, _of(recorded, batch.ends))
            await _lines(held, [line for line in batch.lines if line.execution_id in recorded])
            missing = await _missing(held, batch.ids - recorded, batch.triggers)
        return Outcome(_stages(inserted, started, ended), frozenset(missing))

    async def _moved(self, batch: Batch) -> dict[UUID, Stage]:
        """What a lone event moves: mostly one statement does, and needs no transaction around it.

        Nothing is moved by an event that comes again, too early or too late.
        """
        async with connection(self._pool) as held:
            return _stages(
                await _triggers(held, batch.triggers),
                await _starts(held, batch.starts),
                await _ends(held, batch.ends),
            )


def _stages(inserted: set[UUID], started: set[UUID], ended: set[UUID]) -> dict[UUID, Stage]:
    return {
        **dict.fromkeys(inserted, Stage.KNOWN),
        **dict.fromkeys(started, Stage.STARTED),
        **dict.fromkeys(ended, Stage.ENDED),
    }


async def _triggers(held: Connection, triggers: Mapping[UUID, TriggerAccepted]) -> set[UUID]:
    if not triggers:
        return set()
    accepted = triggers.values()
    rows = await held.fetch(
        _TRIGGERS,
        list(triggers),
        [trigger.origin for trigger in accepted],
        [trigger.pipeline_id for trigger in accepted],
        [trigger.deployment_id for trigger in accepted],
        [trigger.accepted_at for trigger in accepted],
        [trigger.accepted_by for trigger in accepted],
        [trigger.attempt for trigger in accepted],
        [encode(trigger) for trigger in accepted],
    )
    return {row["id"] for row in rows}


async def _recorded(held: Connection, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the executions that are stored, locked in the order of their ids."""
    if not (wanted := list(ids)):
        return set()
    return {row["id"] for row in await held.fetch(_LOCK, wanted)}


async def _missing(
    held: Connection, unknown: set[UUID], triggers: Mapping[UUID, TriggerAccepted]
) -> set[UUID]:
    if not unknown:
        return set()
    # A trigger that was not stored is of something deleted: so are the events that follow it.
    if refused := unknown & triggers.keys():
        await held.execute(_ENTOMB, list(refused))
    entombed = await held.fetch(_ENTOMBED, list(unknown))
    return unknown - {row["id"] for row in entombed}


async def _starts(held: Connection, starts: Mapping[UUID, ExecutionStarted]) -> set[UUID]:
    if not starts:
        return set()
    events = starts.values()
    rows = await held.fetch(
        _STARTS,
        list(starts),
        [start.attempt for start in events],
        [start.started_at for start in events],
        [_json(start.inputs) for start in events],
        [_json(tuple(map(_without_value, start.outputs))) for start in events],
    )
    return {row["id"] for row in rows}


async def _ends(held: Connection, ends: Mapping[UUID, ExecutionFinished]) -> set[UUID]:
    if not ends:
        return set()
    events = ends.values()
    rows = await held.fetch(
        _ENDS,
        list(ends),
        [end.attempt for end in events],
        [end.status for end in events],
        [end.started_at for end in events],
        [end.finished_at for end in events],
        [_json(end.inputs) for end in events],
        [_json(end.outputs) for end in events],
        [None if end.error is None else end.error.encode() for end in events],
    )
    return {row["id"] for row in rows}


async def _lines(held: Connection, lines: Sequence[PlacedLine]) -> None:
    if not lines:
        return
    await held.execute(
        _LINES,
        [placed.execution_id for placed in lines],
        [placed.attempt for placed in lines],
        [placed.position for placed in lines],
        [placed.line.at for placed in lines],
        [placed.line.stream for placed in lines],
        [placed.line.text.encode() for placed in lines],
    )


def _of(ids: set[UUID], events: Mapping[UUID, Any]) -> dict[UUID, Any]:
    return {identifier: event for identifier, event in events.items() if identifier in ids}


def _json(items: Sequence[msgspec.Struct]) -> bytes | None:
    return msgspec.json.encode(items) if items else None


def _without_value(output: PlannedOutput) -> ProducedOutput:
    return ProducedOutput(
        name=output.name, data_type=output.data_type, destination=output.destination
    )
