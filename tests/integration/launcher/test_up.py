"""`pumphouse up`, from the outside."""

import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from pumphouse.sdk import Input, Output, PumphouseSdk, Unreachable
from tests.networks import HAS_OWN_NETWORK, listens_where_we_are
from tests.ordinary_user import only_as_root, ordinary_user
from tests.processes import named_below
from tests.servers.postgres import fresh_database
from tests.servers.rabbitmq import fresh_vhost
from tests.stack import Platform, clean_environment, embedded_platform, eventually, platform_at

ADD = Path(__file__).parents[3] / "sdk" / "examples" / "add_numbers"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pumphouse-test-") as made:
        yield Path(made)


class Launch(Protocol):
    def __call__(
        self,
        data: Path,
        *arguments: str,
        uid: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Platform: ...


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Makes platforms that are not started yet; those that a failing test leaves are killed."""
    made: list[Platform] = []

    def make(data: Path, *arguments: str, **more: Any) -> Platform:
        made.append(platform_at(data, *arguments, **more))
        return made[-1]

    yield make
    for platform in made:
        platform.kill_what_is_left()


@pytest.fixture(scope="module")
def running() -> Iterator[Platform]:
    with embedded_platform() as platform:
        yield platform


def deploy(platform: Platform) -> None:
    with PumphouseSdk(platform.url, platform.token) as sdk:
        sdk.create_pipeline(
            "add",
            "main.py",
            "add",
            container_config={"local_folder": str(ADD)},
            inputs=[Input("number1", "number"), Input("number2", "number")],
            outputs=[Output("number3", "number")],
        )
        sdk.create_deployment("add", "add", execution_rule="endpoint", mode="low_latency")


def reachable_stores(platform: Platform) -> list[psutil.Process]:
    """Its object store, if any of its ports is in our network although it could be in another."""
    stores = named_below(platform.process.pid, "weed")
    assert stores
    return [store for store in stores if HAS_OWN_NETWORK and listens_where_we_are(store)]


def the_sum(platform: Platform) -> object:
    with PumphouseSdk(platform.url, platform.token) as sdk:
        token = sdk.get_deployment("add")["endpoint_token"]
        return sdk.trigger_endpoint("add", token, {"number1": 9, "number2": 6})["outputs"]


def test_it_says_how_it_is_reached(running: Platform) -> None:
    assert running.url in running.log
    assert running.token in running.log
    assert "Ctrl-C" in running.log


def test_secrets_are_readable_by_their_owner_alone(running: Platform) -> None:
    for name in ("connection.json", "secrets.json", "postgres", "objects"):
        assert (running.data / name).stat().st_mode & 0o077 == 0, name
    assert running.data.stat().st_mode & 0o077 == 0


def test_user_code_finds_no_port_of_its_object_store(running: Platform) -> None:
    assert not reachable_stores(running)


def test_a_second_one_on_the_same_folder_is_refused(launch: Launch, running: Platform) -> None:
    second = launch(running.data)
    second.log_file = running.data.parent / "second.log"
    second.spawn()
    assert second.wait() == 1
    assert f"The folder {running.data} is in use" in second.log
    assert "Traceback" not in second.log
    assert running.connection_file.exists()


def test_a_port_that_is_taken_is_named(launch: Launch, running: Platform, folder: Path) -> None:
    port = running.url.rpartition(":")[2]
    second = launch(folder / "data", "--port", port)
    second.spawn()
    assert second.wait() == 1
    assert f"port {port}" in second.log
    assert "Traceback" not in second.log
    assert not second.connection_file.exists()


def test_a_data_folder_that_cannot_be_made_is_named(launch: Launch, folder: Path) -> None:
    (folder / "file").touch()
    platform = launch(folder / "file")
    platform.spawn()
    assert platform.wait() == 1
    assert str(folder / "file") in platform.log
    assert "Traceback" not in platform.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(launch: Launch, folder: Path, number: signal.Signals) -> None:
    platform = launch(folder / "data")
    platform.start()
    platform.signal(number)
    assert platform.wait() == 0
    assert not platform.connection_file.exists()


def test_ctrl_c_while_it_starts_stops_it_too(launch: Launch, folder: Path) -> None:
    platform = launch(folder / "data")
    platform.spawn()
    eventually((folder / "data" / "postgres").exists)
    platform.signal(signal.SIGINT)
    assert platform.wait() == 0
    assert "Traceback" not in platform.log


def test_a_kill_leaves_no_process_and_a_restart_keeps_the_data(
    launch: Launch, folder: Path
) -> None:
    platform = launch(folder / "data")
    platform.start()
    token = platform.token
    deploy(platform)
    assert the_sum(platform) == {"number3": 15}
    platform.kill()

    platform.start()
    assert platform.token == token
    assert the_sum(platform) == {"number3": 15}
    platform.stop()


def test_a_warm_start_is_a_matter_of_seconds(launch: Launch, folder: Path) -> None:
    platform = launch(folder / "data")
    platform.start()
    platform.stop()

    def is_quick() -> bool:
        started_at = time.monotonic()
        platform.start()
        taken_s = time.monotonic() - started_at
        platform.stop()
        return taken_s < 20

    assert any(is_quick() for _ in range(3)), "other tests may slow one start down, but not all"


def test_postgres_is_started_again_when_it_is_killed(folder: Path) -> None:
    with embedded_platform(data=folder / "data") as platform:
        deploy(platform)
        pid = int((folder / "data" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        psutil.Process(pid).kill()
        eventually(lambda: "starting it again" in platform.log)

        def answer() -> object:
            with suppress(Unreachable):
                return the_sum(platform)
            return None

        assert eventually(answer, within_s=90) == {"number3": 15}


@only_as_root
def test_an_ordinary_user_can_run_it(launch: Launch, folder: Path) -> None:
    user = ordinary_user(folder)
    data = user.home / "data"
    platform = launch(data, uid=user.uid, environment=user.environment)
    platform.command = [user.interpreter, *platform.command[1:]]
    platform.start()
    deploy(platform)
    assert the_sum(platform) == {"number3": 15}
    assert (data / "postgres" / "data").stat().st_uid == user.uid
    assert not reachable_stores(platform)
    platform.stop()


def test_it_uses_the_postgres_it_is_given(postgres_url: str, folder: Path) -> None:
    with (
        fresh_database(postgres_url) as url,
        embedded_platform("--database-url", url, data=folder / "data") as platform,
    ):
        deploy(platform)
        assert the_sum(platform) == {"number3": 15}
        assert not (folder / "data" / "postgres").exists()


def test_it_uses_the_rabbitmq_it_is_given(amqp_url: str, folder: Path) -> None:
    with (
        fresh_vhost(amqp_url) as url,
        embedded_platform(
            data=folder / "data", environment=clean_environment(PUMPHOUSE_AMQP_URL=url)
        ) as platform,
    ):
        deploy(platform)
        assert the_sum(platform) == {"number3": 15}


def test_a_command_is_started_when_it_is_ready(folder: Path) -> None:
    program = 'import os; print("told", os.environ["PUMPHOUSE_URL"], os.environ["PUMPHOUSE_TOKEN"])'
    command = f"python3 -c '{program}'"
    with embedded_platform("--when-ready", command, data=folder / "data") as platform:
        eventually(lambda: f"told {platform.url} {platform.token}" in platform.log)
