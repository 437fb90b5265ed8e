"""Connections to one Postgres database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from pumphouse.errors import Invalid, Unavailable

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    )
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

_PAUSE_S = 0.2

_AWAY: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The server does not run, stops, starts, or has no room."""

_RETRIABLE: tuple[type[Exception], ...] = (
    *_AWAY,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)


@asynccontextmanager
async def open_pool(
    url: str, *, name: str, size: int = 8, wait_s: float = 10, command_timeout_s: float = 30
) -> AsyncIterator[Pool]:
    """A pool of at most `size` connections, closed with the context.

    name: shown by Postgres beside each connection. wait_s: how long a server that is still
    starting is waited for. Raises Unavailable when it does not answer by then or refuses us,
    Invalid when the URL is none.
    """
    pool = await _connect(url, name, size, wait_s, command_timeout_s)
    try:
        yield pool
    finally:
        await _close(pool)


async def _connect(url: str, name: str, size: int, wait_s: float, command_timeout_s: float) -> Pool:
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                timeout=max(wait_s, 1),
                command_timeout=command_timeout_s,
                reset=_keep_session,
                # Our statements are short: compiling them costs more than it saves.
                server_settings={"application_name": f"pumphouse-{name}", "jit": "off"},
            )
        except _AWAY as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise Unavailable(
                    f"Postgres at {_address(url)} does not answer: {_reason(error)}"
                ) from error
            await asyncio.sleep(_PAUSE_S)
        except asyncpg.PostgresError as error:
            raise Unavailable(f"Postgres at {_address(url)} refuses us: {error}") from error
        except (asyncpg.InterfaceError, ValueError):
            # The cause quotes parts of the URL, and may take the password for a port.
            raise Invalid(
                "The database URL cannot be used: it must look like"
                " postgresql://user:password@host:5432/database."
            ) from None


async def _keep_session(_: Connection) -> None:
    """Instead of asyncpg's reset, a round trip per release: we change no session settings."""


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@asynccontextmanager
async def connection(pool: Pool, *, timeout: float = 10) -> AsyncIterator[Connection]:
    """A connection, waited for at most `timeout` seconds.

    Raises Unavailable without one. What goes wrong inside is raised as Unavailable when trying
    again may help, as Invalid when Postgres cannot hold a value, and as it is otherwise.
    """
    held: Connection | None = None
    try:
        async with pool.acquire(timeout=timeout) as held:
            yield held
    except _RETRIABLE as error:
        raise Unavailable(f"The database does not answer: {_reason(error)}") from error
    except asyncpg.DataError as error:
        raise Invalid(f"The database cannot hold a value: {error}") from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):
            raise Invalid(f"The database cannot hold a value: {error}") from error
        if held is None or pool.is_closing() or "closed" in str(error):
            raise Unavailable(f"The database does not answer: {error}") from error
        raise
    except asyncpg.PostgresError as error:
        if held is None:
            raise Unavailable(f"The database refuses us: {error}") from error
        raise


@asynccontextmanager
async def transaction(pool: Pool, *, timeout: float = 10) -> AsyncIterator[Connection]:
    """As `connection`, in a transaction that is committed when the context ends well."""
    async with connection(pool, timeout=timeout) as held, held.transaction():
        yield held


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _address(url: str) -> str:
    """Host, port and database of a URL, without its password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        return f"{host}:{parts.port or 5432}{parts.path}"
    except ValueError:
        return "the given URL"
