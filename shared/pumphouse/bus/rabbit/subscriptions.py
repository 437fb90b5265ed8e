"""The running consumers of one bus, which outlive the connections they consume on."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from pumphouse.bus.answering import answer
from pumphouse.bus.consuming import DRAIN_TIMEOUT_S, Consumer
from pumphouse.bus.dispatch import Dispatcher
from pumphouse.bus.interface import RequestHandlers
from pumphouse.bus.rabbit.declaring import Declarations
from pumphouse.bus.rabbit.delivering import RabbitDelivery, Store
from pumphouse.bus.rabbit.link import Incoming, Inlet, LinkLost, Source
from pumphouse.bus.topology import Queue
from pumphouse.contracts.message import Message
from pumphouse.errors import Unavailable

log = logging.getLogger(__name__)

Reply = Callable[[Message, str, str], Awaitable[None]]
"""Sends an answer to a reply address, with a correlation id."""


class Attached(Protocol):
    """What is brought back after a reconnect."""

    async def attach(self, inlet: Inlet) -> None:
        """Consume on this connection. Raises LinkLost."""

    def detach(self) -> None:
        """The connection is gone."""

    async def cancel(self) -> None: ...


class Consuming:
    """A consumer of a durable queue. It ends when the queue is deleted."""

    def __init__(
        self,
        consumer: Consumer,
        declarations: Declarations,
        store: Store,
        forget: Callable[[Attached], None],
    ) -> None:
        self._consumer = consumer
        self._declarations = declarations
        self._store = store
        self._forget = forget
        self._source: Source | None = None
        self._checking: asyncio.Task[None] | None = None

    async def attach(self, inlet: Inlet) -> None:
        queue = self._consumer.queue
        await self._declarations.declare(queue)
        self._source = await inlet.consume(
            queue.name,
            self._take,
            prefetch=queue.prefetch,
            on_cancelled=lambda: self._on_cancelled(inlet),
        )

    def detach(self) -> None:
        self._source = None
        self._consumer.forget_waiting()
        if self._checking is not None:
            self._checking.cancel()

    async def cancel(self) -> None:
        self._forget(self)
        if self._checking is not None:
            self._checking.cancel()
        await _finish(self._source, self._consumer.drain())

    def _take(self, source: Source, incoming: Incoming) -> None:
        self._consumer.take(RabbitDelivery(incoming, self._consumer.queue, source, self._store))

    def _on_cancelled(self, inlet: Inlet) -> None:
        if self._source is not None:
            self._source.close()
        self.detach()
        self._checking = asyncio.create_task(self._attach_unless_deleted(inlet))

    async def _attach_unless_deleted(self, inlet: Inlet) -> None:
        queue = self._consumer.queue
        try:
            if await self._declarations.has(queue):
                await self.attach(inlet)
            else:
                log.info("The queue %s is gone; its consumer ends.", queue.name)
                self._forget(self)
        except (LinkLost, Unavailable):
            await inlet.close()  # the session opens another and attaches everything again


class Listening:
    """A passing listener: a queue of its own that comes and goes with the connection."""

    def __init__(
        self, consumer: Consumer, name: str, store: Store, forget: Callable[[Attached], None]
    ) -> None:
        self._consumer = consumer
        self._name = name
        self._store = store
        self._forget = forget
        self._source: Source | None = None

    async def attach(self, inlet: Inlet) -> None:
        queue = self._consumer.queue
        # A new name each time: the broker may still hold the old queue for the lost connection.
        name = f"{queue.name}.{self._name}.{uuid.uuid4()}"
        bindings = [(binding.exchange, binding.pattern) for binding in queue.bindings]
        await inlet.declare_own(name, bindings, max_length=queue.max_length)
        self._source = await inlet.consume(name, self._take, is_acknowledged=False)

    def detach(self) -> None:
        self._source = None

    async def cancel(self) -> None:
        self._forget(self)
        await _finish(self._source, self._consumer.drain())

    def _take(self, _: Source, incoming: Incoming) -> None:
        self._consumer.take(RabbitDelivery(incoming, self._consumer.queue, _SETTLED, self._store))


class Serving:
    """A server of requests, one of those that compete for a queue."""

    def __init__(
        self,
        queue: Queue,
        handlers: RequestHandlers,
        declarations: Declarations,
        reply: Reply,
        forget: Callable[[Attached], None],
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._declarations = declarations
        self._reply = reply
        self._forget = forget
        self._dispatcher = Dispatcher(queue.prefetch)
        self._source: Source | None = None

    async def attach(self, inlet: Inlet) -> None:
        await self._declarations.declare_for_requests(self._queue, self._handlers)
        self._source = await inlet.consume(self._queue.name, self._take, is_acknowledged=False)

    def detach(self) -> None:
        self._source = None

    async def cancel(self) -> None:
        self._forget(self)
        await _finish(self._source, self._dispatcher.drain(DRAIN_TIMEOUT_S))

    def _take(self, _: Source, incoming: Incoming) -> None:
        self._dispatcher.submit(partial(self._answer, incoming))

    async def _answer(self, incoming: Incoming) -> None:
        message = await answer(incoming.body, self._handlers)
        if incoming.reply_to and incoming.correlation_id:
            await self._reply(message, incoming.reply_to, incoming.correlation_id)


class _Settled:
    """The source of what the broker takes as settled when it sends it."""

    is_open = True

    def ack(self, delivery_tag: int) -> None: ...

    def requeue(self, delivery_tag: int) -> None: ...

    async def cancel(self) -> None: ...

    def close(self) -> None: ...


_SETTLED = _Settled()


async def _finish(source: Source | None, drained: Awaitable[None]) -> None:
    if source is not None:
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await source.cancel()
        except (LinkLost, TimeoutError):
            log.debug("The broker was gone before its consumer was cancelled.")
    await drained
    if source is not None:
        source.close()
