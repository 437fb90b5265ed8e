"""`pumphouse serve`: one service as a process of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.stack import OwnProcess, Stack, clean_environment, free_port, full_stack

NOWHERE = f"amqp://guest:guest@127.0.0.1:{free_port()}/"


def serving(log: Path, service: str, **environment: str) -> OwnProcess:
    process = OwnProcess(
        command=[sys.executable, "-m", "pumphouse.launcher", "serve", service],
        log_file=log,
        environment=clean_environment(**environment),
    )
    process.spawn()
    return process


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    process = serving(tmp_path / "log", "registry", PUMPHOUSE_AMQP_URL=NOWHERE)
    assert process.wait() == 2
    assert "PUMPHOUSE_DATABASE_URL" in process.log
    assert "PUMPHOUSE_ADMIN_TOKEN" in process.log
    assert len(process.log.splitlines()) == 1


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    process = serving(
        tmp_path / "log",
        "gateway",
        PUMPHOUSE_AMQP_URL=NOWHERE,
        PUMPHOUSE_SECRET_KEY="x" * 32,
        PUMPHOUSE_S3_URL="http://key:secret@127.0.0.1:9/data-store",
        PUMPHOUSE_PORT="eighty",
    )
    assert process.wait() == 2
    assert "port" in process.log
    assert len(process.log.splitlines()) == 1


def test_a_broker_that_is_not_there_is_waited_for_and_then_named(tmp_path: Path) -> None:
    process = serving(
        tmp_path / "log",
        "mapping-resolver",
        PUMPHOUSE_AMQP_URL=NOWHERE,
        PUMPHOUSE_BUS_START_TIMEOUT_S="0.5",
    )
    assert process.wait() == 1
    assert "mapping-resolver cannot run" in process.log
    assert "Traceback" not in process.log


@pytest.fixture(scope="module")
def stack(amqp_url: str, postgres_url: str, s3_url: str) -> Iterator[Stack]:
    with full_stack(amqp_url, postgres_url, s3_url, executors=2) as started:
        yield started


def test_together_they_are_the_platform(stack: Stack) -> None:
    with PumphouseSdk(stack.url, stack.token) as sdk:
        assert sdk.list_pipelines() == []


@pytest.mark.parametrize(
    "service", ["registry", "mapping-resolver", "executor", "executor-2", "scheduler", "gateway"]
)
def test_each_can_be_killed_and_started_again(stack: Stack, service: str) -> None:
    stack.services[service].kill()
    stack.services[service].start()
    with PumphouseSdk(stack.url, stack.token) as sdk:
        assert sdk.list_pipelines() == []
