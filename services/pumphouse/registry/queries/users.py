"""Users and their SDK tokens, of which only digests are stored."""

import asyncpg

from pumphouse.contracts.records import UserDescribed
from pumphouse.errors import Conflict, NotFound, Unauthorized
from pumphouse.postgres import Pool, connection

_ENROL = """
insert into registry.users as known (id, name, email, token_digest, configured_digest)
values ($1, $2, $3, $4, $4)
on conflict (id) do update set
    name = $2,
    email = $3,
    token_digest = case when known.configured_digest = $4 then known.token_digest else $4 end,
    token_generation = known.token_generation + (known.configured_digest <> $4)::integer,
    configured_digest = $4
"""
_REPLACE = """
update registry.users
set token_digest = $3, token_generation = token_generation + 1
where id = $1 and token_generation = $2
"""
_COLUMNS = "select id, name, email, token_digest, token_generation from registry.users"
_BY_DIGEST = f"{_COLUMNS} where token_digest = $1"
_BY_ID = f"{_COLUMNS} where id = $1"


class Users:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enrol(self, user: UserDescribed, token_digest: str) -> None:
        """Keep a user with the token that a setting gives.

        One that it did not give before ends the user's; the same one leaves it as it is, so that a
        token which the user was given since outlives restarts.
        """
        async with connection(self._pool) as held:
            await held.execute(_ENROL, user.id, user.name, user.email, token_digest)

    async def replace_token(self, user_id: str, generation: int, digest: str) -> UserDescribed:
        """Give a user another token than that of `generation`, which ends.

        To do so twice is to do it once. Raises NotFound, and Conflict when the user has a later
        token than that.
        """
        async with connection(self._pool) as held:
            await held.execute(_REPLACE, user_id, generation, digest)
            row = await held.fetchrow(_BY_ID, user_id)
        if row is None:
            raise _unknown(user_id)
        if row["token_digest"] != digest:
            raise Conflict("The SDK token was replaced meanwhile: only the newest one is valid.")
        return _user(row)

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
            raise _unknown(user_id)
        return _user(row)


def _user(row: asyncpg.Record) -> UserDescribed:
    return UserDescribed(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        token_generation=row["token_generation"],
    )


def _unknown(user_id: str) -> NotFound:
    return NotFound(f"There is no user {user_id!r}.")
