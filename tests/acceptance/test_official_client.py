"""The acceptance suite of the official, unmodified client, where it lies beside the project."""

import pytest

from tests.acceptance.conftest import Platform
from tests.acceptance.official_client import run_suite


@pytest.mark.timeout(1200)
def test_the_official_client_finds_nothing_wrong(platform: Platform) -> None:
    run_suite(platform)
