"""The whole platform for tests: embedded in one process, or one process per service."""

import secrets
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

import pumphouse.sdk
from pumphouse.launcher.private_files import Connection
from pumphouse.launcher.services import SERVICES
from tests.compose_file import composed_services
from tests.processes import OwnProcess, clean_environment, eventually, free_port, is_dead
from tests.servers.object_store import fresh_store
from tests.servers.postgres import fresh_database
from tests.servers.rabbitmq import fresh_vhost
from tests.shared_folder import shared_folder

__all__ = [
    "OwnProcess",
    "Platform",
    "ServiceProcess",
    "Stack",
    "clean_environment",
    "embedded_platform",
    "eventually",
    "free_port",
    "full_stack",
    "is_dead",
    "platform_at",
]


@dataclass
class Platform(OwnProcess):
    """`pumphouse up`.

    shared: a folder that functions may read and write, where there is one.
    """

    data: Path = Path()
    shared: Path | None = None

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
        token = self.connection.token
        assert token is not None, "the token was replaced"
        return token

    def start(self, within_s: float = 120) -> None:
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
    shared: Path | None = None,
) -> Platform:
    """A platform on the folder `data` that is not started yet; it will take a free port."""
    told = {} if shared is None else paths_for_functions(shared)
    return Platform(
        command=[
            *(sys.executable, "-m", "pumphouse.launcher", "up"),
            *("--port", str(free_port()), "--data", str(data), *arguments),
        ],
        log_file=data.parent / f"{data.name}.log",
        environment={**(environment or clean_environment()), **told},
        uid=uid,
        data=data,
        shared=shared,
    )


def paths_for_functions(shared: Path) -> dict[str, str]:
    """Settings of the executor. Functions may also read the packages of the tests."""
    packages = (sysconfig.get_path("purelib"), Path(pumphouse.sdk.__file__).parents[2])
    return {
        "PUMPHOUSE_READABLE_PATHS": ",".join(map(str, packages)),
        "PUMPHOUSE_SHARED_PATHS": str(shared),
    }


@contextmanager
def embedded_platform(
    *arguments: str, data: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """A running `pumphouse up`, which is stopped in order at the end."""
    with tempfile.TemporaryDirectory(prefix="pumphouse-data-") as folder, shared_folder() as shared:
        at = data or Path(folder, "data")
        platform = platform_at(at, *arguments, environment=environment, shared=shared)
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

    def start(self, within_s: float = 120) -> None:
        """Start as a supervisor does, again after a failure, and return when it is ready."""
        self.spawn()
        self.wait_until_ready(within_s)

    def spawn(self) -> None:
        self._log_starts_at = self.log_file.stat().st_size if self.log_file.exists() else 0
        super().spawn()

    def wait_until_ready(self, within_s: float = 120) -> None:
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
    """One process per service, on a real broker, a real database and a real object store.

    services: by name as on the wire; more executors are called executor-2 and so on. shared: a
    folder that functions may read and write.
    """

    url: str
    token: str
    services: dict[str, ServiceProcess]
    amqp_url: str
    database_url: str
    s3_url: str
    shared: Path

    @property
    def log(self) -> str:
        return "\n".join(f"== {name}\n{one.log}" for name, one in self.services.items())


@contextmanager
def full_stack(
    amqp_url: str, postgres_url: str, s3_url: str, executors: int = 1
) -> Iterator[Stack]:
    """The services of compose.yaml at work on a new virtual host, a database and buckets."""
    with ExitStack() as opened:
        vhost = opened.enter_context(fresh_vhost(amqp_url))
        database = opened.enter_context(fresh_database(postgres_url))
        store = opened.enter_context(fresh_store(s3_url))
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pumphouse-stack-")))
        shared = opened.enter_context(shared_folder())
        token = secrets.token_urlsafe(32)
        _write_secrets(
            folder / "secrets",
            amqp_url=vhost,
            database_url=database,
            s3_url=store,
            secret_key=secrets.token_urlsafe(32),
            admin_token=token,
        )
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        other = {
            "host": "127.0.0.1",
            "port": str(port),
            "gateway_url": url,
            "s3_public_url": _public(store),
        }
        services: dict[str, ServiceProcess] = {}
        for name in [*SERVICES, *(f"executor-{n}" for n in range(2, executors + 1))]:
            services[name] = _service_process(name, folder, other, shared)
            opened.callback(services[name].stop)
            services[name].spawn()
        for process in services.values():
            process.wait_until_ready()
        yield Stack(url, token, services, vhost, database, store, shared)


def _write_secrets(folder: Path, **texts: str) -> None:
    folder.mkdir(mode=0o700)
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n")


def _public(s3_url: str) -> str:
    parts = urlsplit(s3_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _service_process(
    name: str, folder: Path, other: Mapping[str, str], shared: Path
) -> ServiceProcess:
    """name: of the service, with a number for one more of it."""
    service = "executor" if name.startswith("executor") else name
    composed = composed_services()[service]
    here = {**other, "work_dir": str(folder / name), "health_port": str(free_port())}
    environment = composed.environment_outside(folder / "secrets", here)
    return ServiceProcess(
        command=[sys.executable, "-m", "pumphouse.launcher", *composed.command[1:]],
        log_file=folder / f"{name}.log",
        environment=clean_environment(**paths_for_functions(shared), **environment),
        service=service,
    )
