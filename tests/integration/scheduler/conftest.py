"""A ledger in a database of its own, and schedulers around it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pumphouse.postgres import Pool, migrate, open_pool
from tests.integration.scheduler.stage import Stage
from tests.servers.postgres import fresh_database


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, name="test", size=4) as opened:
        await migrate(opened, schema="scheduler", package="pumphouse.scheduler.migrations")
        yield opened


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)
