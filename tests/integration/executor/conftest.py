"""A platform for each test, with an executor at work on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.executor.platform import Platform, platform_in
from tests.servers.object_store import fresh_store


@pytest.fixture(scope="session")
def store_url(s3_url: str) -> Iterator[str]:
    """URL of buckets that the tests of the executor share: each uses keys of its own."""
    with fresh_store(s3_url) as url:
        yield url


@pytest.fixture
async def platform(tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    """With an executor that is stopped after the test."""
    async with platform_in(tmp_path, store_url) as platform, platform.executor():
        yield platform
