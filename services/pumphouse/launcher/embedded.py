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

from pumphouse.bus import open_bus
from pumphouse.errors import Unavailable
from pumphouse.launcher.folder_lock import sole_owner
from pumphouse.launcher.lifeline import die_with_parent
from pumphouse.launcher.postgres_server import PostgresServer, postgres_server
from pumphouse.launcher.private_files import Connection, Secrets, kept_secrets, write_private
from pumphouse.launcher.services import SERVICES, environment_for, running_of, settings_of
from pumphouse.service import run_until_stopped
from pumphouse.settings import load

_log = logging.getLogger(__name__)

_RESTART_AFTER_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `pumphouse up` is told.

    port: 0 takes a free one. data: the folder of everything that outlives the process.
    database_url, amqp_url: real servers; None for the embedded Postgres, the in-process bus.
    when_ready: a command to start once the platform takes requests, None for none.
    """

    host: str
    port: int
    data: Path
    database_url: str | None
    amqp_url: str | None
    when_ready: str | None = None


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
        server = None
        if options.database_url is None:
            server = stack.enter_context(
                postgres_server(data / "postgres", secrets.database_password)
            )
        return run_until_stopped(lambda: _platform(options, data, secrets, server))


@asynccontextmanager
async def _platform(
    options: Options, data: Path, secrets: Secrets, server: PostgresServer | None
) -> AsyncIterator[None]:
    values = {
        "host": options.host,
        "port": str(options.port),
        "secret_key": secrets.secret_key,
        "admin_token": secrets.admin_token,
        "database_url": server.url if server else options.database_url or "",
        "reissue_on_start": str(options.amqp_url is None).lower(),
        "storage_dir": str(data / "storage"),
        "work_dir": str(data / "work"),
    }
    async with AsyncExitStack() as stack:
        if server is not None:
            await stack.enter_async_context(_kept_running(server))
        bus = await stack.enter_async_context(open_bus(options.amqp_url, "pumphouse"))
        entered = None
        for service in SERVICES:
            environment = {**os.environ, **environment_for(service, values)}
            settings = load(settings_of(service), environment)
            entered = await stack.enter_async_context(running_of(service)(settings, bus))
        assert entered is not None
        connection = Connection(url=entered.url, token=secrets.admin_token)
        stack.enter_context(_announced(connection, data / "connection.json"))
        if options.when_ready is not None:
            await stack.enter_async_context(_started(options.when_ready, connection))
        yield


@contextmanager
def _announced(connection: Connection, file: Path) -> Iterator[None]:
    write_private(file, connection)
    print(
        f"Pumphouse is ready at {connection.url}\n"
        f"  SDK token: {connection.token}\n"
        f"  Both are in {file} while it runs. Stop it with Ctrl-C.",
        flush=True,
    )
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@asynccontextmanager
async def _started(command: str, connection: Connection) -> AsyncIterator[None]:
    """Run `command` beside the platform, as a client of it by the variables that the SDK reads."""
    process = await asyncio.create_subprocess_exec(
        *shlex.split(command),
        env={**os.environ, "PUMPHOUSE_URL": connection.url, "PUMPHOUSE_TOKEN": connection.token},
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


@asynccontextmanager
async def _kept_running(server: PostgresServer) -> AsyncIterator[None]:
    async def keep() -> None:
        while True:
            await asyncio.sleep(_RESTART_AFTER_S)
            if not server.is_running:
                _log.error("Postgres has ended; starting it again.")
                # In this thread, because the server ends with the thread that has started it.
                server.start()
                try:
                    await asyncio.to_thread(server.wait_until_ready)
                except Unavailable as error:
                    _log.error("%s", error)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
