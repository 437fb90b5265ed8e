"""The services of compose.yaml as processes: what all tests of the full stack run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.compose_file import composed_services
from tests.integration.compose.driving import drive, furnish
from tests.stack import ServiceProcess, Stack, full_stack


@pytest.fixture(scope="module")
def stack(amqp_url: str, postgres_url: str, s3_url: str) -> Iterator[Stack]:
    with full_stack(amqp_url, postgres_url, s3_url) as started:
        yield started


def is_healthy(process: ServiceProcess) -> bool:
    """What the health check of its container says."""
    _, _, *arguments = composed_services()[process.service].healthcheck
    asking = subprocess.run(
        [sys.executable, *arguments],
        env=dict(process.environment),
        check=False,
        stderr=subprocess.DEVNULL,
    )
    return asking.returncode == 0


def test_values_and_files_go_through_a_function(stack: Stack, tmp_path: Path) -> None:
    with PumphouseSdk(stack.url, stack.token) as sdk:
        furnish(sdk, tmp_path)
        drive(sdk)


def test_every_service_is_healthy(stack: Stack) -> None:
    assert [name for name, process in stack.services.items() if not is_healthy(process)] == []


def test_a_service_that_is_gone_is_not_healthy(stack: Stack) -> None:
    scheduler = stack.services["scheduler"]
    scheduler.kill()
    try:
        assert not is_healthy(scheduler)
    finally:
        scheduler.start()
    assert is_healthy(scheduler)


def test_no_credential_is_in_the_environment_of_a_service(stack: Stack) -> None:
    told = {text for one in stack.services.values() for text in one.environment.values()}
    assert not {stack.token, stack.amqp_url, stack.database_url, stack.s3_url} & told
