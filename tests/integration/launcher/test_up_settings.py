"""What `pumphouse up` does with settings of the services, and with a token that was replaced."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stack import Platform, clean_environment, platform_at

API = "/api/v1"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pumphouse-test-") as made:
        yield Path(made)


@pytest.fixture
def platform(folder: Path) -> Iterator[Platform]:
    """One with settings in its environment, which is not started yet."""
    made = platform_at(
        folder / "data",
        environment=clean_environment(PUMPHOUSE_PROJECT_LANGUAGE="python:3.11-slim"),
    )
    yield made
    made.kill_what_is_left()


def access(platform: Platform, sdk_token: str) -> httpx.Response:
    return httpx.post(
        f"{platform.url}{API}/auth/refresh", json={"refresh_token": sdk_token}, timeout=20
    )


def signed_in(platform: Platform, sdk_token: str) -> httpx.Client:
    token = access(platform, sdk_token).json()["access_token"]
    return httpx.Client(
        base_url=f"{platform.url}{API}", headers={"Authorization": f"Bearer {token}"}, timeout=20
    )


def test_settings_of_services_pass_and_a_replaced_token_outlives_restarts(
    platform: Platform,
) -> None:
    platform.start()
    first = platform.token
    with signed_in(platform, first) as client:
        language = client.get("/project-information").json()["language"]
        second = client.post("/users/me/sdk-token").json()["sdk_token"]
    platform.stop()
    log_of_the_first_start = platform.log

    platform.start()
    assert language == "python:3.11-slim"
    assert platform.connection.token is None
    assert first in log_of_the_first_start
    assert first not in platform.log.removeprefix(log_of_the_first_start)
    assert "--new-token" in platform.log
    assert access(platform, first).status_code == 401
    assert access(platform, second).status_code == 200
    platform.stop()

    platform.command = [*platform.command, "--new-token"]
    platform.start()
    third = platform.token
    assert access(platform, third).status_code == 200
    assert access(platform, second).status_code == 401
    platform.stop()


def test_a_setting_that_cannot_be_used_is_named(platform: Platform) -> None:
    platform.environment = clean_environment(PUMPHOUSE_VECTOR_DATABASE_URL="https://v:8080")
    platform.spawn()

    assert platform.wait() == 1
    assert "PUMPHOUSE_VECTOR_DATABASE_TOKEN" in platform.log
    assert "Traceback" not in platform.log
