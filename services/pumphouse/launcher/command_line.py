"""What can be said to the `pumphouse` command."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pumphouse.errors import PumphouseError
from pumphouse.launcher.services import SERVICES, running_of, settings_of
from pumphouse.service import run_service
from pumphouse.settings import load, setting
from pumphouse.telemetry import set_up_logging

if TYPE_CHECKING:
    from pumphouse.launcher.embedded import Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "serve":
        run_service(chosen.service, settings_of(chosen.service), running_of(chosen.service))
    if chosen.command == "doctor":
        return _doctor(chosen.work_dir)
    return _up(chosen)


def options_of(chosen: argparse.Namespace) -> "Options":
    """What `pumphouse up` is told by its arguments, else by the environment.

    Raises Invalid for a variable that names a file which cannot be read.
    """
    from pumphouse.launcher.embedded import Options

    return Options(
        host=chosen.host,
        port=chosen.port,
        data=chosen.data,
        database_url=chosen.database_url or setting("database_url", os.environ),
        amqp_url=chosen.amqp_url or setting("amqp_url", os.environ),
        s3_url=chosen.s3_url or setting("s3_url", os.environ),
        s3_port=chosen.s3_port,
        when_ready=chosen.when_ready,
        new_token=chosen.new_token,
    )


def _doctor(work_dir: Path | None) -> int:
    from pumphouse.executor.doctor import examine
    from pumphouse.executor.settings import Settings

    with tempfile.TemporaryDirectory(prefix="pumphouse-") as temporary:
        Path(temporary).chmod(0o711)
        unused = {"PUMPHOUSE_SECRET_KEY": "none", "PUMPHOUSE_S3_URL": "none"}
        told = {"PUMPHOUSE_WORK_DIR": str(work_dir or temporary)}
        try:
            found = asyncio.run(examine(load(Settings, {**os.environ, **unused, **told})))
        except (PumphouseError, OSError) as error:
            print(f"pumphouse: {error}", file=sys.stderr)
            return 1
    print(*found.lines(), sep="\n")
    return 0 if found.is_enough else 1


def _up(chosen: argparse.Namespace) -> int:
    # Imported here, so that a service on its own does not load what only `up` needs.
    from pumphouse.launcher.embedded import up

    set_up_logging()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        is_in_order = up(options_of(chosen))
    except (PumphouseError, OSError) as error:
        print(f"pumphouse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    logging.getLogger(__name__).info("Pumphouse has stopped.")
    return 0 if is_in_order else 1


def parser() -> argparse.ArgumentParser:
    """Of all that can be said."""
    command = argparse.ArgumentParser(
        prog="pumphouse", description="Runs and serves Python functions."
    )
    command.add_argument("--version", action="version", version=f"pumphouse {version('pumphouse')}")
    commands = command.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _describe_up(commands.add_parser("up", help="run the whole platform in this process"))
    doctor = commands.add_parser(
        "doctor",
        help="try what this host can do for executions",
        description="Tries how far executions can be isolated here, and says what is missing. Ends"
        " with 1 when that is less than PUMPHOUSE_REQUIRE_ISOLATION.",
    )
    doctor.add_argument(
        "--work-dir",
        type=Path,
        metavar="DIR",
        default=os.environ.get("PUMPHOUSE_WORK_DIR"),
        help="where the executor would work (PUMPHOUSE_WORK_DIR; default: a temporary folder)",
    )
    serve = commands.add_parser(
        "serve",
        help="run one service in this process",
        description="Run one service; its settings are environment variables PUMPHOUSE_….",
    )
    serve.add_argument(
        "service", choices=sorted(SERVICES), metavar="SERVICE", help=", ".join(SERVICES)
    )
    return command


def _describe_up(up: argparse.ArgumentParser) -> None:
    environment = os.environ
    up.add_argument(
        "--host",
        default=environment.get("PUMPHOUSE_HOST", "127.0.0.1"),
        help="address to listen on (default: %(default)s)",
    )
    up.add_argument(
        "--port",
        type=_port,
        default=environment.get("PUMPHOUSE_PORT", "8000"),
        help="port to listen on, 0 for a free one (default: %(default)s)",
    )
    up.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=".pumphouse",
        help="folder of everything that is kept (default: %(default)s)",
    )
    up.add_argument(
        "--database-url",
        metavar="URL",
        help="use this Postgres (PUMPHOUSE_DATABASE_URL; default: an embedded one)",
    )
    up.add_argument(
        "--amqp-url",
        metavar="URL",
        help="use this RabbitMQ (PUMPHOUSE_AMQP_URL; default: a bus inside the process)",
    )
    up.add_argument(
        "--s3-url",
        metavar="URL",
        help="use the bucket http://KEY:SECRET@HOST:PORT/BUCKET of this S3 server, and another of"
        " the name BUCKET-platform (PUMPHOUSE_S3_URL; default: an embedded server)",
    )
    up.add_argument(
        "--s3-port",
        type=_port,
        metavar="PORT",
        default=environment.get("PUMPHOUSE_S3_PORT"),
        help="port of the embedded S3 server, 0 for a free one (PUMPHOUSE_S3_PORT; default: no port"
        " but a socket, where this system allows that)",
    )
    up.add_argument(
        "--when-ready",
        metavar="COMMAND",
        help="when ready, start this command with PUMPHOUSE_URL and PUMPHOUSE_TOKEN set",
    )
    up.add_argument(
        "--new-token",
        action="store_true",
        help="give the user admin a new SDK token, for when nobody has the old one",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number up to 65535")
    return int(text)
