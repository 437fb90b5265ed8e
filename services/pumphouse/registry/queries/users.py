"""Users and their SDK tokens, of which only digests are stored."""

import asyncpg

from pumphouse.contracts.records import UserDescribed
from pumphouse.errors import NotFound, Unauthorized
from pumphouse.postgres import Pool, connection

_ENROL = """
insert into registry.users (id, name, email, token_digest) values ($1, $2, $3, $4)
on conflict (id) do update set name = $2, email = $3, token_digest = $4
"""
_BY_DIGEST = "select id, name, email from registry.users where token_digest = $1"
_BY_ID = "select id, name, email from registry.users where id = $1"


class Users:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enrol(self, user: UserDescribed, token_digest: str) -> None:
        """Keep a user with one token; an earlier token of theirs ends."""
        async with connection(self._pool) as held:
            await held.execute(_ENROL, user.id, user.name, user.email, token_digest)

    async def presenting(self, token_digest: str) -> UserDescribed:
        """The user whose token has this digest. Raises Unauthorized."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_BY_DIGEST, token_digest)
        if row is None:
            raise Unauthorized("The SDK token is not valid.")
        return _user(row)

    async def find(self, user_id: str) -> UserDescribed:
        """Raises NotFound."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_BY_ID, user_id)
        if row is None:
            raise NotFound(f"There is no user {user_id!r}.")
        return _user(row)


def _user(row: asyncpg.Record) -> UserDescribed:
    return UserDescribed(id=row["id"], name=row["name"], email=row["email"])
