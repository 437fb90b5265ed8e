"""A database without a past for each test, and the registry on an in-process bus."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from pumphouse.bus import Bus, open_bus
from pumphouse.postgres import Pool, migrate, open_pool
from pumphouse.registry.app import running
from pumphouse.storage import Storage, open_storage
from tests.integration.registry.things import settings
from tests.servers.object_store import fresh_store
from tests.servers.postgres import fresh_database


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
async def database_url(shared_database_url: str) -> str:
    """A database in which no registry has ever been."""
    connection = await asyncpg.connect(shared_database_url)
    try:
        await connection.execute("drop schema if exists registry cascade")
    finally:
        await connection.close()
    return shared_database_url


@pytest.fixture(scope="session")
def store_url(s3_url: str) -> Iterator[str]:
    """A store that tests share; what they keep there has keys of its own."""
    with fresh_store(s3_url) as url:
        yield url


@pytest.fixture
async def storage(store_url: str) -> AsyncIterator[Storage]:
    async with open_storage(store_url) as storage:
        yield storage


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on a migrated database."""
    async with open_pool(database_url, name="test") as pool:
        await migrate(pool, schema="registry", package="pumphouse.registry.migrations")
        yield pool


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with open_bus(None, "test") as bus:
        yield bus


@pytest.fixture
async def registry(database_url: str, store_url: str, bus: Bus) -> AsyncIterator[Bus]:
    """A bus that the registry serves."""
    async with running(settings(database_url, store_url), bus):
        yield bus
