"""A platform for each test, with an executor at work on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.executor.platform import Platform, platform_in


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """With an executor that is stopped after the test."""
    async with platform_in(tmp_path) as platform, platform.executor():
        yield platform
