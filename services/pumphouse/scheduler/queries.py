"""The ledger: one row for each slot that was due, so that it fires once."""

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import uuid_utils

from pumphouse.postgres import Pool, connection
from pumphouse.scheduler.domain import Slot

_ROWS_AT_ONCE = 1_000

_CLAIM = """
insert into scheduler.slots (deployment_id, slot, execution_id, status, reason)
select deployment_id, slot, execution_id,
       case when reason is null then 'claimed' else 'skipped' end, reason
from unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::text[])
     as due (deployment_id, slot, execution_id, reason)
on conflict do nothing
returning deployment_id, slot, execution_id, status
"""

_RECLAIM = """
update scheduler.slots set claimed_at = now()
where (deployment_id, slot) in (
    select deployment_id, slot from scheduler.slots
    where status = 'claimed' and claimed_at <= now() - $1::interval
    order by claimed_at limit $2 for update skip locked
)
returning deployment_id, slot, execution_id
"""

_PUBLISHED = """
update scheduler.slots set status = 'published'
from unnest($1::text[], $2::timestamptz[]) as sent (deployment_id, slot)
where slots.deployment_id = sent.deployment_id and slots.slot = sent.slot
"""

_SKIPPED = """
update scheduler.slots set status = 'skipped', reason = $3
from unnest($1::text[], $2::timestamptz[]) as refused (deployment_id, slot)
where slots.deployment_id = refused.deployment_id and slots.slot = refused.slot
  and slots.status = 'claimed'
"""

_LAST_SLOTS = """
select deployment_id, slot
from unnest($1::text[]) as asked (deployment_id)
cross join lateral (
    select max(slots.slot) as slot from scheduler.slots
    where slots.deployment_id = asked.deployment_id
) as last
where slot is not null
"""

_FORGET = "delete from scheduler.slots where slot < $1"


@dataclass(frozen=True)
class Claim:
    """A slot that this scheduler, and no other, shall fire as the execution `execution_id`."""

    deployment_id: str
    at: datetime
    execution_id: str


class Ledger:
    """Rows are claimed before their trigger is published and marked afterwards."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, due: Iterable[Slot]) -> list[Claim]:
        """Enter these slots and return those to fire; what the ledger already has is not ours."""
        ordered = sorted(
            due, key=lambda slot: (slot.reason is not None, slot.deployment_id, slot.at)
        )
        won: list[Claim] = []
        async with connection(self._pool) as held:
            for batch in _batches(ordered):
                rows = await held.fetch(
                    _CLAIM,
                    [slot.deployment_id for slot in batch],
                    [slot.at for slot in batch],
                    [None if slot.reason else str(uuid_utils.uuid7()) for slot in batch],
                    [slot.reason for slot in batch],
                )
                won += [_claim(row) for row in rows if row["status"] == "claimed"]
        return won

    async def reclaim(self, older_than: timedelta) -> list[Claim]:
        """Take over slots that were claimed so long ago and never marked: their claimer is gone."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_RECLAIM, older_than, _ROWS_AT_ONCE)
        return [_claim(row) for row in rows]

    async def mark_published(self, claims: Collection[Claim]) -> None:
        async with connection(self._pool) as held:
            await held.execute(_PUBLISHED, *_keys(claims))

    async def mark_skipped(self, claims: Collection[Claim], reason: str) -> None:
        async with connection(self._pool) as held:
            await held.execute(_SKIPPED, *_keys(claims), reason)

    async def last_slots(self, deployment_ids: Collection[str]) -> dict[str, datetime]:
        """The newest slot of each deployment that has any."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_LAST_SLOTS, list(deployment_ids))
        return {row["deployment_id"]: row["slot"] for row in rows}

    async def forget_before(self, moment: datetime) -> None:
        """Drop the rows of slots before `moment`."""
        async with connection(self._pool) as held:
            await held.execute(_FORGET, moment)


def _claim(row: asyncpg.Record) -> Claim:
    return Claim(row["deployment_id"], row["slot"], str(row["execution_id"]))


def _keys(claims: Collection[Claim]) -> tuple[list[str], list[datetime]]:
    return [claim.deployment_id for claim in claims], [claim.at for claim in claims]


def _batches(slots: list[Slot]) -> Iterator[list[Slot]]:
    remaining = iter(slots)
    while batch := list(itertools.islice(remaining, _ROWS_AT_ONCE)):
        yield batch
