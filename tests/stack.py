"""The whole platform for tests: embedded in one process, or one process per service."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil

from pumphouse.launcher.private_files import Connection
from pumphouse.launcher.services import SERVICES, environment_for
from tests.servers.postgres import fresh_database
from tests.servers.rabbitmq import fresh_vhost

T = TypeVar("T")

_MARK = "PUMPHOUSE_TEST_MARK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(what: Callable[[], T | None], *, within_s: float = 30) -> T:
    """The first answer of `what` that is true. Fails when there is none in time."""
    give_up_at = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < give_up_at, f"nothing came of {what} within {within_s} s"
        time.sleep(0.02)
    return answer


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without settings of the platform."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PUMPHOUSE_")}
    return ours | more


@dataclass
class OwnProcess:
    """A process of the platform, what it logs, and everything that it has started."""

    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    uid: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    _seen: list[psutil.Process] = field(default_factory=list)

    def spawn(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**self.environment, _MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                user=self.uid,
                group=self.uid,
                extra_groups=None if self.uid is None else [],
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self._seen = psutil.Process(self.process.pid).children(recursive=True)
            self.process.send_signal(number)

    def wait(self, within_s: float = 40) -> int:
        """The exit code, once nothing that the process had started is left."""
        try:
            code = self.process.wait(within_s)
            eventually(lambda: not self.left_behind(), within_s=10)
        except (subprocess.TimeoutExpired, AssertionError) as error:
            left = self.left_behind()
            self._end_all(left)
            raise AssertionError(f"{self.command} left {left}:\n{self.log[-4000:]}") from error
        return code

    def stop(self) -> None:
        """Stop in order, and see that it was."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"{self.command} ended with {code}:\n{self.log[-4000:]}"

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def left_behind(self) -> list[psutil.Process]:
        """What is still running of all that the process has started."""
        marked = [other for other in psutil.process_iter() if _mark_of(other) == self._mark]
        return [p for p in {*marked, *self._seen} if not is_dead(p)]

    def kill_what_is_left(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _end_all(self, processes: list[psutil.Process]) -> None:
        for left in [*processes, psutil.Process(self.process.pid)]:
            if left.is_running():
                left.kill()
        self.process.wait()


def _mark_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error):
        return process.environ().get(_MARK)
    return None


def is_dead(process: psutil.Process) -> bool:
    """Whether nothing of the process runs; nobody may have asked for its exit code yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class Platform(OwnProcess):
    """`pumphouse up`."""

    data: Path = Path()

    @property
    def connection_file(self) -> Path:
        return self.data / "connection.json"

    @property
    def connection(self) -> Connection:
        return msgspec.json.decode(self.connection_file.read_bytes(), type=Connection)

    @property
    def url(self) -> str:
        return self.connection.url

    @property
    def token(self) -> str:
        return self.connection.token

    def start(self, within_s: float = 60) -> None:
        """Start, and return when requests are taken."""
        self.connection_file.unlink(missing_ok=True)
        self.spawn()
        eventually(self._is_ready, within_s=within_s)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log}"
        return self.connection_file.exists()


def platform_at(
    data: Path,
    *arguments: str,
    uid: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Platform:
    """A platform on the folder `data` that is not started yet; it will take a free port."""
    return Platform(
        command=[
            *(sys.executable, "-m", "pumphouse.launcher", "up"),
            *("--port", str(free_port()), "--data", str(data), *arguments),
        ],
        log_file=data.parent / f"{data.name}.log",
        environment=environment or clean_environment(),
        uid=uid,
        data=data,
    )


@contextmanager
def embedded_platform(
    *arguments: str, data: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """A running `pumphouse up`, which is stopped in order at the end."""
    with tempfile.TemporaryDirectory(prefix="pumphouse-data-") as folder:
        at = data or Path(folder, "data")
        platform = platform_at(at, *arguments, environment=environment)
        try:
            platform.start()
            yield platform
        finally:
            platform.stop()


@dataclass
class ServiceProcess(OwnProcess):
    """`pumphouse serve <service>`."""

    service: str = ""
    _log_starts_at: int = 0

    def start(self, within_s: float = 60) -> None:
        """Start as a supervisor does, again after a failure, and return when it is ready."""
        self.spawn()
        self.wait_until_ready(within_s)

    def spawn(self) -> None:
        self._log_starts_at = self.log_file.stat().st_size if self.log_file.exists() else 0
        super().spawn()

    def wait_until_ready(self, within_s: float = 60) -> None:
        eventually(self._is_ready, within_s=within_s)

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            assert self.process.returncode == 1, f"{self.service} refused to start:\n{self.log}"
            self.spawn()
        with self.log_file.open("rb") as log:
            log.seek(self._log_starts_at)
            return f"{self.service} is ready.".encode() in log.read()


@dataclass
class Stack:
    """One process per service, on a real broker and a real database.

    services: by name as on the wire; more executors are called executor-2 and so on.
    """

    url: str
    token: str
    services: dict[str, ServiceProcess]
    amqp_url: str
    database_url: str

    @property
    def log(self) -> str:
        return "\n".join(f"== {name}\n{one.log}" for name, one in self.services.items())


@contextmanager
def full_stack(amqp_url: str, postgres_url: str, executors: int = 1) -> Iterator[Stack]:
    """Every service at work in a virtual host and a database of its own."""
    with ExitStack() as opened:
        vhost = opened.enter_context(fresh_vhost(amqp_url))
        database = opened.enter_context(fresh_database(postgres_url))
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pumphouse-stack-")))
        port = free_port()
        token = secrets.token_urlsafe(32)
        values = {
            "amqp_url": vhost,
            "database_url": database,
            "secret_key": secrets.token_urlsafe(32),
            "admin_token": token,
            "storage_dir": str(folder / "storage"),
            "host": "127.0.0.1",
            "port": str(port),
        }
        services: dict[str, ServiceProcess] = {}
        for name in [*SERVICES, *(f"executor-{n}" for n in range(2, executors + 1))]:
            services[name] = _service_process(name, folder, values)
            opened.callback(services[name].stop)
            services[name].spawn()
        for process in services.values():
            process.wait_until_ready()
        yield Stack(f"http://127.0.0.1:{port}", token, services, vhost, database)


def _service_process(name: str, folder: Path, values: Mapping[str, str]) -> ServiceProcess:
    service = "executor" if name.startswith("executor") else name
    settings = environment_for(service, {**values, "work_dir": str(folder / name)})
    return ServiceProcess(
        command=[sys.executable, "-m", "pumphouse.launcher", "serve", service],
        log_file=folder / f"{name}.log",
        environment=clean_environment(PUMPHOUSE_AMQP_URL=values["amqp_url"], **settings),
        service=service,
    )
