"""A platform for each test, with an executor at work on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.executor.building import Building, shelf, wheel
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


@pytest.fixture
async def building(platform: Platform) -> Building:
    """The registry's side of builds, beside the executor of `platform`."""
    building = Building(platform)
    await building.serve()
    return building


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder of wheels: `tiny` in two versions, and `other`, another module."""
    return shelf(
        tmp_path / "shelf", wheel("tiny", "1.0"), wheel("tiny", "2.0"), wheel("other", "1.0")
    )
