"""The two transports as the behaviour suite sees them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aio_pika

from pumphouse.bus import Binding, Bus, Envelope, Queue, open_bus
from pumphouse.bus.memory import MemoryBus
from pumphouse.bus.rabbit import layout
from pumphouse.contracts.pods import PodRequested


@dataclass(frozen=True)
class Dead:
    """A dead letter as a person would find it."""

    queue: str
    reason: str
    body: bytes


class Transport(Protocol):
    async def bus(self) -> Bus:
        """The bus of one more service; closed at the end of the test."""

    async def dead_letters(self) -> list[Dead]:
        """Those that were not listed before."""

    async def crash_a_consumer_of(self, queue: Queue) -> None:
        """A consumer takes one PodRequested, and dies while it handles it."""


class MemoryTransport:
    """In-process, all services share one bus."""

    def __init__(self) -> None:
        self._bus = MemoryBus(queues=())

    async def bus(self) -> Bus:
        return self._bus

    async def dead_letters(self) -> list[Dead]:
        listed = [Dead(each.queue, each.reason, each.body) for each in self._bus.dead_letters]
        self._bus.dead_letters.clear()
        return listed

    async def crash_a_consumer_of(self, queue: Queue) -> None:
        taken = asyncio.Event()

        async def die(_: PodRequested, __: Envelope) -> None:
            taken.set()
            await asyncio.Event().wait()

        subscription = await self._bus.consume(queue, {PodRequested: die})
        await taken.wait()
        [task] = [task for task in asyncio.all_tasks() if "Dispatcher" in repr(task.get_coro())]
        task.cancel()
        await subscription.cancel()

    async def close(self) -> None:
        await self._bus.close()


class RabbitTransport:
    def __init__(self, amqp_url: str) -> None:
        self._amqp_url = amqp_url
        self._buses = AsyncExitStack()

    async def bus(self) -> Bus:
        return await self._buses.enter_async_context(open_bus(self._amqp_url, "test"))

    async def dead_letters(self) -> list[Dead]:
        found: list[Dead] = []
        async with await aio_pika.connect(self._amqp_url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(layout.DEAD_LETTERS, ensure=False)
            while (message := await queue.get(fail=False)) is not None:
                headers = message.headers
                found.append(Dead(str(headers["x-queue"]), str(headers["x-reason"]), message.body))
                await message.ack()
        return found

    async def crash_a_consumer_of(self, queue: Queue) -> None:
        [binding] = queue.bindings
        assert binding.partition is not None
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.bus.crashing_consumer",
            self._amqp_url,
            queue.name,
            binding.partition,
        )
        assert await process.wait() == -9

    async def close(self) -> None:
        await self._buses.aclose()


@asynccontextmanager
async def memory() -> AsyncIterator[Transport]:
    transport = MemoryTransport()
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def rabbit(amqp_url: str) -> AsyncIterator[Transport]:
    transport = RabbitTransport(amqp_url)
    try:
        yield transport
    finally:
        await transport.close()


def pod_queue(partition: str, **options: Any) -> Queue:
    """A queue of its own for the test: no queue of the platform takes these messages."""
    return Queue(
        name=f"test.{partition}",
        bindings=(Binding(kind=PodRequested, partition=partition),),
        **options,
    )


def pod(number: int, deployment_id: str = "d") -> PodRequested:
    return PodRequested(deployment_id=deployment_id, catalog_revision=number)


async def until(condition: Callable[[], bool], timeout: float = 60) -> None:
    """Return when the condition holds; fail when it does not in time."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - the condition knows of no event
            await asyncio.sleep(0.01)
