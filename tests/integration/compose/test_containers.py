"""compose.yaml for real, where a Docker engine answers."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.compose_file import COMPOSE_FILE
from tests.integration.compose.driving import drive, furnish
from tests.processes import clean_environment, free_port
from tests.servers.docker import docker_answers

pytestmark = pytest.mark.timeout(1800)  # images are fetched and built


def missing() -> str | None:
    """What this machine lacks for containers, None when it lacks nothing."""
    if not docker_answers():
        return "no Docker engine answers here"
    command = ("docker", "compose", "version")
    if (
        not shutil.which("docker")
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        return "the command `docker compose` is not installed here"
    return None


@dataclass(frozen=True)
class Containers:
    """A project of its own, which may stand beside others."""

    secrets: Path
    port: int = field(default_factory=free_port)
    s3_port: int = field(default_factory=free_port)
    project: str = field(default_factory=lambda: f"pumphouse-test-{uuid.uuid4().hex[:12]}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return (self.secrets / "admin_token").read_text().strip()

    def start(self, *options: str) -> None:
        """Return when all containers are healthy."""
        self.compose("up", "--wait", "--quiet-pull", "--scale=executor=2", *options)

    def compose(self, *arguments: str) -> str:
        """What `docker compose` prints; fails when it does."""
        done = subprocess.run(
            [
                *("docker", "compose", "--ansi=never", f"--project-name={self.project}"),
                *(f"--file={COMPOSE_FILE}", *arguments),
            ],
            env=clean_environment(
                PUMPHOUSE_SECRETS=str(self.secrets),
                PUMPHOUSE_PORT=str(self.port),
                PUMPHOUSE_S3_PORT=str(self.s3_port),
            ),
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"docker compose {arguments}:\n{done.stdout[-8000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    if reason := missing():
        pytest.skip(reason)
    secrets = tmp_path_factory.mktemp("containers") / "secrets"
    subprocess.run([COMPOSE_FILE.with_name("make-secrets"), str(secrets)], check=True)
    started = Containers(secrets)
    try:
        started.start("--build")
        yield started
    finally:
        started.compose("down", "--volumes", "--rmi=local", "--timeout=60")


@pytest.fixture(scope="module")
def sdk(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PumphouseSdk]:
    with PumphouseSdk(containers.url, containers.token) as client:
        furnish(client, tmp_path_factory.mktemp("code"))
        yield client


def test_values_and_files_go_through_a_function(sdk: PumphouseSdk) -> None:
    drive(sdk)


def test_more_executors_are_one_option(containers: Containers) -> None:
    assert len(containers.compose("ps", "--quiet", "executor").split()) == 2


def test_what_was_made_is_still_there_in_new_containers(
    containers: Containers, sdk: PumphouseSdk
) -> None:
    containers.compose("down", "--timeout=60")
    containers.start()
    drive(sdk)
