"""A real Postgres for the tests: a given one, else one in Docker, else an embedded one."""

import asyncio
import os
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from pumphouse.launcher.postgres_server import postgres_server
from tests.compose_file import image_of
from tests.servers.docker import docker_answers

_GIVEN = "PUMPHOUSE_TEST_DATABASE_URL"


@contextmanager
def postgres() -> Iterator[str]:
    """URL of a server, as a user that may create databases.

    Each caller gets a server of its own, unless PUMPHOUSE_TEST_DATABASE_URL names one; then
    everybody shares it, which `fresh_database` makes safe.
    """
    if _GIVEN in os.environ:
        yield os.environ[_GIVEN]
    elif docker_answers():
        with _in_docker() as url:
            yield url
    else:
        with (
            tempfile.TemporaryDirectory(prefix="pumphouse-postgres-") as folder,
            postgres_server(Path(folder), secrets.token_urlsafe(12)) as server,
        ):
            yield server.url


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """URL of a new, empty database on the server at `url`; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(url, f'create database "{name}"')
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(url, f'drop database "{name}" with (force)')


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    # A thread of its own, because the caller's may have a running event loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, execute()).result()


@contextmanager
def _in_docker() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(image_of("postgres")) as container:
        yield container.get_connection_url(driver=None)
