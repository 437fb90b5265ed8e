"""The AMQP client of the hot path beside aio-pika: `python -m tests.benchmarks.amqp_clients`.

Each round publishes messages with confirmation, consumes them and acknowledges them, on one quorum
queue, in one process on two connections. The rounds alternate, so that both meet the same noise.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median

import aio_pika
import msgspec
import uvloop

from pumphouse.bus import Queue
from pumphouse.bus.rabbit import layout
from pumphouse.bus.rabbit.address import parse_address
from pumphouse.bus.rabbit.link import Incoming, Outgoing, Source
from pumphouse.bus.rabbit.pika_link import open_inlet, open_outlet
from tests.servers.rabbitmq import rabbitmq

MESSAGES = 4_000
IN_FLIGHT = 100
PREFETCH = 100
ROUNDS = 4
BODY = b"x" * 500

Publish = Callable[[str], Awaitable[object]]
"""Publishes one message with this id to the queue, and returns once it is confirmed."""


class Round(msgspec.Struct, frozen=True):
    messages_per_s: float
    cpu_us: float


@asynccontextmanager
async def link(url: str, queue: str, on_message: Callable[[], None]) -> AsyncIterator[Publish]:
    address = parse_address(url)
    outlet = await open_outlet(address, "benchmark", lambda *_: None)
    inlet = await open_inlet(address, "benchmark")

    def take(source: Source, incoming: Incoming) -> None:
        source.ack(incoming.delivery_tag)
        on_message()

    def publish(message_id: str) -> asyncio.Future[None]:
        return outlet.publish(
            Outgoing(
                exchange="",
                routing_key=queue,
                body=BODY,
                type="benchmark.sent.v1",
                message_id=message_id,
            )
        )

    await inlet.consume(queue, take, prefetch=PREFETCH)
    try:
        yield publish
    finally:
        await outlet.close()
        await inlet.close()


@asynccontextmanager
async def aio(url: str, queue: str, on_message: Callable[[], None]) -> AsyncIterator[Publish]:
    async with await aio_pika.connect(url) as publishing, await aio_pika.connect(url) as consuming:
        exchange = (await publishing.channel()).default_exchange
        channel = await consuming.channel()
        await channel.set_qos(PREFETCH)

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await message.ack()
            on_message()

        async def publish(message_id: str) -> object:
            message = aio_pika.Message(
                BODY,
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=message_id,
                timestamp=time.time(),
                type="benchmark.sent.v1",
            )
            return await exchange.publish(message, queue, mandatory=True)

        await (await channel.get_queue(queue)).consume(take)
        yield publish


CLIENTS = {"our link (pika)": link, "aio-pika": aio}


async def run_round(url: str, name: str) -> Round:
    received = 0
    done = asyncio.Event()

    def on_message() -> None:
        nonlocal received
        received += 1
        if received == MESSAGES:
            done.set()

    queue = Queue(name=f"benchmark.{uuid.uuid4()}")
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(
            queue.name, durable=True, arguments=layout.durable_arguments(queue)
        )
        async with CLIENTS[name](url, queue.name, on_message) as publish:

            async def publish_share() -> None:
                for _ in range(MESSAGES // IN_FLIGHT):
                    await publish(str(uuid.uuid4()))

            started, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(publish_share() for _ in range(IN_FLIGHT)))
            await done.wait()
            elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
        await channel.queue_delete(queue.name)
    return Round(MESSAGES / elapsed, cpu / MESSAGES * 1e6)


async def main(url: str) -> None:
    rounds: dict[str, list[Round]] = {name: [] for name in CLIENTS}
    for number in range(ROUNDS):
        for name in CLIENTS:
            result = await run_round(url, name)
            print(
                f"round {number + 1}  {name:16} {result.messages_per_s:8.0f} messages/s "
                f"{result.cpu_us:6.0f} us CPU each"
            )
            rounds[name].append(result)
    ours, theirs = (
        Round(median(r.messages_per_s for r in done), median(r.cpu_us for r in done))
        for done in rounds.values()
    )
    print(
        f"median: {ours.messages_per_s / theirs.messages_per_s:.1f} x the messages, "
        f"{ours.cpu_us / theirs.cpu_us:.2f} x the CPU of aio-pika"
    )


if __name__ == "__main__":
    with rabbitmq() as amqp_url:
        uvloop.run(main(amqp_url))
