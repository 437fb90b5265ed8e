"""What is still to be deleted from the object store."""

from collections.abc import Collection

from pumphouse.postgres import Connection, Pool, connection

LEASE_S = 600
"""So long a prefix that one instance deletes is left alone by the others."""

_DISCARD = """
insert into registry.discarded_files (prefix) select unnest($1::text[]) on conflict do nothing
"""
_TAKE = """
update registry.discarded_files taken set due_at = now() + make_interval(secs => $1)
from (
    select prefix from registry.discarded_files where due_at <= now()
    order by due_at limit 1 for update skip locked
) due
where taken.prefix = due.prefix
returning taken.prefix
"""
_PUT_BACK = "update registry.discarded_files set due_at = now() where prefix = $1"
_FORGET = "delete from registry.discarded_files where prefix = $1"


async def discard_files(held: Connection, prefixes: Collection[str]) -> None:
    """Have everything below these prefixes deleted, once the transaction is committed."""
    await held.execute(_DISCARD, list(prefixes))


class DiscardedFiles:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def discard(self, prefixes: Collection[str]) -> None:
        async with connection(self._pool) as held:
            await discard_files(held, prefixes)

    async def take(self) -> str | None:
        """A prefix that is due, for the caller alone during LEASE_S; None when none is."""
        async with connection(self._pool) as held:
            prefix: str | None = await held.fetchval(_TAKE, LEASE_S)
            return prefix

    async def put_back(self, prefix: str) -> None:
        """Due again, after all others that are."""
        async with connection(self._pool) as held:
            await held.execute(_PUT_BACK, prefix)

    async def forget(self, prefix: str) -> None:
        """Nothing is left below the prefix."""
        async with connection(self._pool) as held:
            await held.execute(_FORGET, prefix)
