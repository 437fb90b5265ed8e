"""What can be said to the `pumphouse` command."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from pumphouse.errors import PumphouseError
from pumphouse.launcher.services import SERVICES, running_of, settings_of
from pumphouse.service import run_service
from pumphouse.telemetry import set_up_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "serve":
        run_service(chosen.service, settings_of(chosen.service), running_of(chosen.service))
    return _up(chosen)


def _up(chosen: argparse.Namespace) -> int:
    # Imported here, so that a service on its own does not load what only `up` needs.
    from pumphouse.launcher.embedded import Options, up

    set_up_logging()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = Options(
        host=chosen.host,
        port=chosen.port,
        data=chosen.data,
        database_url=chosen.database_url,
        amqp_url=chosen.amqp_url,
        when_ready=chosen.when_ready,
    )
    try:
        is_in_order = up(options)
    except (PumphouseError, OSError) as error:
        print(f"pumphouse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    logging.getLogger(__name__).info("Pumphouse has stopped.")
    return 0 if is_in_order else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pumphouse", description="Runs and serves Python functions."
    )
    parser.add_argument("--version", action="version", version=f"pumphouse {version('pumphouse')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _describe_up(commands.add_parser("up", help="run the whole platform in this process"))
    serve = commands.add_parser(
        "serve",
        help="run one service in this process",
        description="Run one service; its settings are environment variables PUMPHOUSE_….",
    )
    serve.add_argument(
        "service", choices=sorted(SERVICES), metavar="SERVICE", help=", ".join(SERVICES)
    )
    return parser


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
        default=environment.get("PUMPHOUSE_DATABASE_URL") or None,
        help="use this Postgres (PUMPHOUSE_DATABASE_URL; default: an embedded one)",
    )
    up.add_argument(
        "--amqp-url",
        metavar="URL",
        default=environment.get("PUMPHOUSE_AMQP_URL") or None,
        help="use this RabbitMQ (PUMPHOUSE_AMQP_URL; default: a bus inside the process)",
    )
    up.add_argument(
        "--when-ready",
        metavar="COMMAND",
        help="when ready, start this command with PUMPHOUSE_URL and PUMPHOUSE_TOKEN set",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number up to 65535")
    return int(text)
