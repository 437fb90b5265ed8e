"""All services in one process: the embedded default."""

import asyncio
import logging
import os
import shlex
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.records import TokenPresented
from pumphouse.errors import PumphouseError, Unauthorized
from pumphouse.launcher.container_engine import engine_settings
from pumphouse.launcher.folder_lock import sole_owner
from pumphouse.launcher.lifeline import die_with_parent
from pumphouse.launcher.object_server import ObjectServer, object_server
from pumphouse.launcher.postgres_server import PostgresServer, postgres_server
from pumphouse.launcher.private_files import (
    Connection,
    Secrets,
    kept_secrets,
    with_new_token,
    write_private,
)
from pumphouse.launcher.services import SERVICES, environment_for, running_of, settings_of
from pumphouse.sealing import digest
from pumphouse.service import run_until_stopped
from pumphouse.service.addresses import free_port, url_of
from pumphouse.settings import load

_log = logging.getLogger(__name__)

_RESTART_AFTER_S = 0.5
_BUCKET = "data-store"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `pumphouse up` is told.

    port: 0 takes a free one. data: the folder of everything that outlives the process.
    database_url, amqp_url, s3_url: real servers; None for the embedded Postgres, the in-process
    bus, the embedded object store. s3_port: of that one, 0 for a free one, None for a Unix socket.
    when_ready: a command to start once the platform takes requests, None for none.
    new_token: whether the first user gets another SDK token, and the one before it ends.
    """

    host: str
    port: int
    data: Path
    database_url: str | None
    amqp_url: str | None
    s3_url: str | None
    s3_port: int | None = None
    when_ready: str | None = None
    new_token: bool = False


@dataclass(frozen=True)
class _Servers:
    """Those that are embedded; None for one that runs elsewhere."""

    postgres: PostgresServer | None
    store: ObjectServer | None


def up(options: Options) -> bool:
    """Run the platform until SIGTERM or SIGINT; True when it was stopped in order.

    Raises a PumphouseError, or an OSError about the data folder, when it cannot start.
    """
    data = options.data.resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        in_use = (
            f"The folder {data} is in use by another `pumphouse up`:"
            " stop that one, or choose another folder with --data."
        )
        stack.enter_context(sole_owner(data / "lock", in_use=in_use))
        (data / "connection.json").unlink(missing_ok=True)
        secrets = kept_secrets(data / "secrets.json", belong_to=data / "postgres")
        if options.new_token:
            secrets = with_new_token(secrets, data / "secrets.json")
        servers = stack.enter_context(_embedded_servers(options, data, secrets))
        return run_until_stopped(lambda: _platform(options, data, secrets, servers))


@contextmanager
def _embedded_servers(options: Options, data: Path, secrets: Secrets) -> Iterator[_Servers]:
    postgres = store = None
    with ExitStack() as stack:
        if options.s3_url is None:
            serving = object_server(
                data / "objects", secrets.object_store_secret, port=options.s3_port
            )
            store = stack.enter_context(serving)
        if options.database_url is None:
            postgres = stack.enter_context(
                postgres_server(data / "postgres", secrets.database_password)
            )
        for service in SERVICES:
            running_of(service)  # Loads its code, while the store makes itself ready.
        if store is not None:
            store.wait_until_ready()
        yield _Servers(postgres, store)


@asynccontextmanager
async def _platform(
    options: Options, data: Path, secrets: Secrets, servers: _Servers
) -> AsyncIterator[None]:
    postgres, store = servers.postgres, servers.store
    port = options.port or free_port(options.host)
    values = {
        "host": options.host,
        "port": str(port),
        "gateway_url": url_of(options.host, port),
        "secret_key": secrets.secret_key,
        "admin_token": secrets.admin_token,
        "database_url": postgres.url if postgres else options.database_url or "",
        "reissue_on_start": str(options.amqp_url is None).lower(),
        "s3_url": store.url_of(_BUCKET) if store else options.s3_url or "",
        "work_dir": str(data / "work"),
        **await asyncio.to_thread(engine_settings, os.environ),
    }
    async with AsyncExitStack() as stack:
        if postgres is not None:
            await stack.enter_async_context(_kept_running(postgres, "Postgres"))
        if store is not None:
            await stack.enter_async_context(_kept_running(store, "The object store"))
        bus = await stack.enter_async_context(open_bus(options.amqp_url, "pumphouse"))
        entered = None
        for service in SERVICES:
            environment = environment_for(service, values, os.environ)
            settings = load(settings_of(service), environment)
            entered = await stack.enter_async_context(running_of(service)(settings, bus))
        assert entered is not None
        token = secrets.admin_token if await _is_valid(secrets.admin_token, bus) else None
        connection = Connection(url=entered.url, token=token)
        stack.enter_context(_announced(connection, data / "connection.json"))
        if options.when_ready is not None:
            await stack.enter_async_context(_started(options.when_ready, connection))
        yield


async def _is_valid(sdk_token: str, bus: Bus) -> bool:
    """Whether it is some user's still: a user may have replaced it by one of their own."""
    try:
        await bus.request(TokenPresented(digest=digest(sdk_token)))
    except Unauthorized:
        return False
    return True


@contextmanager
def _announced(connection: Connection, file: Path) -> Iterator[None]:
    write_private(file, connection)
    token = connection.token or "replaced by its user; `pumphouse up --new-token` makes another one"
    print(
        f"Pumphouse is ready at {connection.url}\n"
        f"  SDK token: {token}\n"
        f"  {'Both are' if connection.token else 'The address is'} in {file} while it runs."
        " Stop it with Ctrl-C.",
        flush=True,
    )
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@asynccontextmanager
async def _started(command: str, connection: Connection) -> AsyncIterator[None]:
    """Run `command` beside the platform, as a client of it by the variables that the SDK reads."""
    told = {"PUMPHOUSE_URL": connection.url, "PUMPHOUSE_TOKEN": connection.token}
    process = await asyncio.create_subprocess_exec(
        *shlex.split(command),
        env={**os.environ, **{name: text for name, text in told.items() if text is not None}},
        preexec_fn=die_with_parent(signal.SIGTERM),
    )

    async def report() -> None:
        if code := await process.wait():
            _log.error("The command %r ended with exit code %d.", command, code)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()
        if process.returncode is None:
            process.terminate()
            await process.wait()


class _Server(Protocol):
    @property
    def is_running(self) -> bool: ...

    def start(self) -> None: ...

    def wait_until_ready(self) -> None: ...


@asynccontextmanager
async def _kept_running(server: _Server, name: str) -> AsyncIterator[None]:
    async def keep() -> None:
        while True:
            await asyncio.sleep(_RESTART_AFTER_S)
            if not server.is_running:
                _log.error("%s has ended; starting it again.", name)
                # In this thread, because Postgres ends with the thread that has started it.
                server.start()
                try:
                    await asyncio.to_thread(server.wait_until_ready)
                except PumphouseError as error:
                    _log.error("%s", error)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
