"""What pods wrote outside of executions."""

from datetime import datetime

from pumphouse.contracts.executions import LogLine
from pumphouse.contracts.pods import PodLine, PodLogged
from pumphouse.postgres import Pool, connection, transaction

KEPT_LINES = 10_000
KEPT_BYTES = 5 << 20
"""Of one deployment: all of it fits into one answer."""

_LOCK = "select from registry.deployments where id = $1 for no key update"
_KEEP = """
insert into registry.pod_lines
    (deployment_id, number, total, pod_id, position, at, stream, text)
select $1, coalesce(last.number, 0) + line.place,
    coalesce(last.total, 0) + sum(length(line.text)) over (order by line.place),
    $2, $3 + line.place - 1, line.at, line.stream, line.text
from unnest($4::timestamptz[], $5::text[], $6::bytea[])
    with ordinality as line (at, stream, text, place)
left join (
    select number, total from registry.pod_lines
    where deployment_id = $1 order by number desc limit 1
) last on true
on conflict (deployment_id, pod_id, position) do nothing
"""
_TRIM = """
with last as (
    select number, total from registry.pod_lines
    where deployment_id = $1 order by number desc limit 1
)
delete from registry.pod_lines line using last
where line.deployment_id = $1
    and (line.number <= last.number - $2 or line.total - length(line.text) < last.total - $3)
"""
_LINES = """
select pod_id, at, stream, text from registry.pod_lines
where deployment_id = $1 and ($2::timestamptz is null or at >= $2)
    and ($3::timestamptz is null or at <= $3)
order by at, number limit $4
"""


class PodLogs:
    def __init__(
        self, pool: Pool, *, kept_lines: int = KEPT_LINES, kept_bytes: int = KEPT_BYTES
    ) -> None:
        """Of more lines or bytes of one deployment, the newest are kept."""
        self._pool = pool
        self._kept_lines = kept_lines
        self._kept_bytes = kept_bytes

    async def keep(self, event: PodLogged) -> None:
        """Store lines, but for those that are stored; nothing when the deployment is gone."""
        async with transaction(self._pool) as held:
            if await held.fetchrow(_LOCK, event.deployment_id) is None:
                return
            await held.execute(
                _KEEP,
                event.deployment_id,
                event.pod_id,
                event.position,
                [line.at for line in event.lines],
                [line.stream for line in event.lines],
                [line.text.encode() for line in event.lines],
            )
            await held.execute(_TRIM, event.deployment_id, self._kept_lines, self._kept_bytes)

    async def lines(
        self, deployment_id: str, since: datetime | None, until: datetime | None, limit: int | None
    ) -> list[PodLine]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_LINES, deployment_id, since, until, limit)
        return [
            PodLine(
                pod_id=row["pod_id"],
                line=LogLine(at=row["at"], stream=row["stream"], text=row["text"].decode()),
            )
            for row in rows
        ]
