"""Bringing the schema of a service up to date.

A service ships `NNNN_words.sql` files, numbered from 0001 without gaps. Each runs once, in a
transaction of its own, with the service's schema as search path; what has run is kept with its
checksum in `schema_migrations` of that schema.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources

import asyncpg

from pumphouse.errors import Conflict, Invalid
from pumphouse.postgres.pool import Connection, Pool, connection

_FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")

_LOCK = "select pg_advisory_xact_lock(hashtext('pumphouse.migrations'), hashtext($1))"
_MAKE_SCHEMA = (
    "select format('create schema %I', $1::text) where to_regnamespace(quote_ident($1)) is null"
)
_ENTER = "select set_config('search_path', quote_ident($1), true)"
_MAKE_TABLE = """
create table if not exists schema_migrations (
    number integer primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""
_APPLIED = "select number, checksum from schema_migrations"
_IS_APPLIED = "select from schema_migrations where number = $1"
_RECORD = "insert into schema_migrations (number, checksum) values ($1, $2)"


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(database: Pool | Connection, *, schema: str, package: str) -> None:
    """Apply the migrations in `package` that `schema` lacks; several processes may do so at once.

    Raises Conflict when a file is not what it was when it ran, Invalid for a package whose files
    are not numbered in a row, Unavailable without the server.
    """
    migrations = shipped(package)
    async with _held(database) as held:
        applied = await _applied(held, schema)
        for migration in migrations:
            if migration.number not in applied:
                await _apply(held, schema, migration)
            elif applied[migration.number] != migration.checksum:
                raise Conflict(
                    f"{migration.name} of {package} is not the file that made the schema"
                    f" {schema!r}: put the old file back and add a new one for the change."
                )


def shipped(package: str) -> list[Migration]:
    """The migrations of a package, in order. Raises Invalid unless they are 0001, 0002, …"""
    found = sorted(
        (entry.name, entry.read_text("utf-8"))
        for entry in resources.files(package).iterdir()
        if entry.name.endswith(".sql")
    )
    migrations = []
    for number, (name, sql) in enumerate(found, start=1):
        match = _FILE_NAME.fullmatch(name)
        if match is None or int(match["number"]) != number:
            raise Invalid(f"{name} of {package} should be named {number:04d}_<words>.sql.")
        migrations.append(Migration(number, name, sql))
    return migrations


@asynccontextmanager
async def _held(
    database: Pool | Connection,
) -> AsyncIterator[Connection]:
    if isinstance(database, asyncpg.Pool):
        async with connection(database) as held:
            yield held
    else:
        yield database


async def _applied(held: Connection, schema: str) -> dict[int, str]:
    async with held.transaction():
        await held.execute(_LOCK, schema)
        if make := await held.fetchval(_MAKE_SCHEMA, schema):
            await held.execute(make)
        await held.execute(_ENTER, schema)
        await held.execute(_MAKE_TABLE)
        return {row["number"]: row["checksum"] for row in await held.fetch(_APPLIED)}


async def _apply(held: Connection, schema: str, migration: Migration) -> None:
    async with held.transaction():
        await held.execute(_LOCK, schema)
        await held.execute(_ENTER, schema)
        if await held.fetchrow(_IS_APPLIED, migration.number) is not None:
            return
        await held.execute(migration.sql)
        await held.execute(_RECORD, migration.number, migration.checksum)
