"""Runs one service as a process of its own."""

import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import msgspec

from pumphouse.bus import Bus, open_bus
from pumphouse.errors import Invalid, PumphouseError
from pumphouse.service.health import answering_health
from pumphouse.service.lifetime import run_until_stopped
from pumphouse.settings import load
from pumphouse.telemetry import set_up_logging

S = TypeVar("S", bound=msgspec.Struct)

_WRONG_SETTINGS = 2


class ProcessSettings(msgspec.Struct, frozen=True):
    """What every process of its own needs, whichever service is in it.

    bus_start_timeout_s: how long the broker may take to answer.
    health_port: where `GET /healthz` is answered, on 127.0.0.1, while the service is ready.
    """

    amqp_url: str
    bus_start_timeout_s: float = 20
    health_port: int | None = None


def run_service(
    name: str,
    settings: type[S],
    running: Callable[[S, Bus], AbstractAsyncContextManager[object]],
) -> None:
    """Run a service until SIGTERM or SIGINT, and end the process.

    name: as it is on the wire, `mapping-resolver`.
    Settings come from the environment. Exit codes: 0 after a stop in order, 2 for settings that
    cannot be used, 1 for anything else, so that a supervisor may start it again.
    """
    set_up_logging()
    log = logging.getLogger(f"pumphouse.{name}")

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        process = load(ProcessSettings, os.environ)
        values = load(settings, os.environ)
        opening = open_bus(process.amqp_url, name, start_timeout_s=process.bus_start_timeout_s)
        async with opening as bus, running(values, bus), answering_health(process.health_port):
            log.info("%s is ready.", name)
            yield

    try:
        is_in_order = run_until_stopped(opened)
    except Invalid as error:
        log.error("%s", error)
        sys.exit(_WRONG_SETTINGS)
    except (PumphouseError, OSError) as error:
        log.error("%s cannot run: %s", name, error)
        sys.exit(1)
    log.info("%s has stopped.", name)
    sys.exit(0 if is_in_order else 1)
