"""A consumer that dies by kill -9 while it handles its first message."""

import asyncio
import os
import signal
import sys

from pumphouse.bus import Envelope, open_bus
from pumphouse.contracts.pods import PodRequested
from tests.integration.bus.transports import pod_queue


async def main(amqp_url: str, queue_name: str, partition: str) -> None:
    async def die(_: PodRequested, __: Envelope) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    queue = pod_queue(partition)
    assert queue.name == queue_name
    async with open_bus(amqp_url, "crashing") as bus:
        await bus.consume(queue, {PodRequested: die})
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
