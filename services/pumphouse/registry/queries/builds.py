"""Builds that are to be asked for, and what they wrote."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pumphouse.contracts.builds import BuildLogged, BuildRequested
from pumphouse.contracts.executions import LogLine
from pumphouse.postgres import Pool, connection, transaction

_UNREQUESTED = """
select build.pipeline_id, pipeline.revision
from registry.builds build join registry.pipelines pipeline on pipeline.id = build.pipeline_id
where not build.is_requested
order by pipeline.revision limit $1
for update of build skip locked
"""
_REQUESTED = "update registry.builds set is_requested = true where pipeline_id = any($1::text[])"
_REQUEST_AGAIN = "update registry.builds set is_requested = false where is_requested"

_KEEP_LINES = """
with pipeline as (
    select id from registry.pipelines where id = $1 for key share
)
insert into registry.build_lines (pipeline_id, position, at, stream, text)
select pipeline.id, $2 + line.number - 1, line.at, line.stream, line.text
from pipeline, unnest($3::timestamptz[], $4::text[], $5::bytea[])
    with ordinality as line (at, stream, text, number)
on conflict (pipeline_id, position) do update
set at = excluded.at, stream = excluded.stream, text = excluded.text
"""
_DROP_EARLIER = """
delete from registry.build_lines where pipeline_id = $1 and position >= $2 and at < $3
"""
_LINES = """
select at, stream, text from registry.build_lines
where pipeline_id = $1 and ($2::timestamptz is null or at >= $2)
    and ($3::timestamptz is null or at <= $3)
order by position limit $4
"""


class Builds:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def requesting(self, limit: int) -> AsyncIterator[Sequence[BuildRequested]]:
        """The next builds to ask for; leaving the context well says that they are asked for."""
        async with transaction(self._pool) as held:
            rows = await held.fetch(_UNREQUESTED, limit)
            yield [
                BuildRequested(pipeline_id=row["pipeline_id"], catalog_revision=row["revision"])
                for row in rows
            ]
            if rows:
                await held.execute(_REQUESTED, [row["pipeline_id"] for row in rows])

    async def request_again(self) -> None:
        """Have every build that has not ended asked for once more."""
        async with connection(self._pool) as held:
            await held.execute(_REQUEST_AGAIN)

    async def keep_lines(self, event: BuildLogged) -> None:
        """Store lines in place of what an earlier attempt wrote there or further on.

        Nothing happens when the pipeline is gone.
        """
        if not (lines := event.lines):
            return
        async with transaction(self._pool) as held:
            await held.execute(
                _KEEP_LINES,
                event.pipeline_id,
                event.position,
                [line.at for line in lines],
                [line.stream for line in lines],
                [line.text.encode() for line in lines],
            )
            after = event.position + len(lines)
            await held.execute(_DROP_EARLIER, event.pipeline_id, after, lines[0].at)

    async def lines(
        self, pipeline_id: str, since: datetime | None, until: datetime | None, limit: int | None
    ) -> list[LogLine]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_LINES, pipeline_id, since, until, limit)
        return [
            LogLine(at=row["at"], stream=row["stream"], text=row["text"].decode()) for row in rows
        ]
