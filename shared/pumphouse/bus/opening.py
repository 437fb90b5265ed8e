"""Which bus a process talks over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pumphouse.bus.interface import Bus
from pumphouse.bus.memory import MemoryBus


@asynccontextmanager
async def open_bus(
    amqp_url: str | None, name: str, *, start_timeout_s: float = 20.0
) -> AsyncIterator[Bus]:
    """The bus at `amqp_url`, or a new in-process one when that is None; closed on the way out.

    name: of the service, shown by the broker.
    start_timeout_s: how long the broker may need to come up.
    Raises Invalid for an address that is none, Unavailable when no broker answers there.
    """
    bus = MemoryBus() if amqp_url is None else await _rabbit(amqp_url, name, start_timeout_s)
    try:
        yield bus
    finally:
        await bus.close()


async def _rabbit(amqp_url: str, name: str, start_timeout_s: float) -> Bus:
    # Imported here: the embedded default shall not pay for two AMQP clients.
    from pumphouse.bus.rabbit.bus import RabbitBus

    return await RabbitBus.open(amqp_url, name, start_timeout_s=start_timeout_s)
