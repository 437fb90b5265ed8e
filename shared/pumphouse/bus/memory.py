"""The in-process bus: all services in one event loop.

It keeps nothing on disk. Its promise that a confirmed message is stored rests on the journal
queues: a publish returns when their handlers have returned.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import cast

import uuid_utils

from pumphouse.bus.answering import answer, no_answer, nobody_serves, raise_refused
from pumphouse.bus.consuming import DRAIN_TIMEOUT_S, Consumer
from pumphouse.bus.dispatch import Dispatcher
from pumphouse.bus.interface import (
    Envelope,
    Handlers,
    R,
    RequestHandlers,
    Subscription,
)
from pumphouse.bus.memory_queue import Letter, MemoryQueue, Seat
from pumphouse.bus.replies import Replies
from pumphouse.bus.topology import STATIC_QUEUES, Queue, is_announcement
from pumphouse.contracts.codec import decode, encode
from pumphouse.contracts.message import Message, Request, RequestRefused, tag_of
from pumphouse.errors import Unavailable

PUBLISH_TIMEOUT_S = 10.0
DEAD_LETTERS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no handler could do anything with. queue: where it was; body: JSON."""

    queue: str
    reason: str
    body: bytes
    message_id: str


class _Consuming:
    """The subscription of one consumer."""

    def __init__(self, bus: "MemoryBus", queue: MemoryQueue, seat: Seat) -> None:
        self._bus = bus
        self._queue = queue
        self._seat = seat

    async def cancel(self) -> None:
        await self._queue.leave(self._seat)
        if not self._queue.spec.is_durable:
            self._bus.forget_queue(self._queue)
        self._bus.forget_subscription(self)


class _Serving:
    """The subscription of one server of requests."""

    def __init__(self, bus: "MemoryBus", queue: Queue, handlers: RequestHandlers) -> None:
        self._bus = bus
        self._handlers = handlers
        self._dispatcher = Dispatcher(queue.prefetch)

    def serves(self, kind: type[Message]) -> bool:
        return kind in self._handlers

    def take(self, body: bytes, correlation_id: str) -> None:
        self._dispatcher.submit(partial(self._answer, body, correlation_id))

    async def cancel(self) -> None:
        self._bus.forget_server(self)
        await self._dispatcher.drain(DRAIN_TIMEOUT_S)
        self._bus.forget_subscription(self)

    async def _answer(self, body: bytes, correlation_id: str) -> None:
        message = await answer(body, self._handlers)
        await self._bus.reply(message, to=self._bus.reply_address, correlation_id=correlation_id)


class MemoryBus:
    """A Bus for services that share an event loop.

    queues: the durable queues that exist from the start.
    dead_letters: the last of them, for a look.
    """

    def __init__(self, queues: Iterable[Queue] = STATIC_QUEUES) -> None:
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        self._replies = Replies()
        self._queues: dict[str, MemoryQueue] = {}
        self._routes: dict[tuple[type[Message], str], tuple[MemoryQueue, ...]] = {}
        self._servers: deque[_Serving] = deque()
        self._subscriptions: list[Subscription] = []
        self._numbers = itertools.count(1)
        self._is_closed = False
        for queue in queues:
            self._declared(queue)

    @property
    def reply_address(self) -> str:
        return "memory"

    async def publish(
        self,
        message: Message,
        *,
        partition: str = "",
        correlation_id: str | None = None,
        reply_to: str | None = None,
        message_id: str | None = None,
    ) -> None:
        self._require_open()
        targets = self._targets(type(message), partition)
        body = encode(message)
        envelope = Envelope(message_id or str(uuid_utils.uuid7()), correlation_id, reply_to)
        journals: list[asyncio.Future[None]] = []
        for target in targets:
            letter = Letter(body, type(message), partition, envelope)
            if target.spec.is_journal:
                letter.stored = asyncio.get_running_loop().create_future()
                journals.append(letter.stored)
            target.put(letter)
        if journals:
            await _all_stored(journals)
        elif any(target.has_backlog for target in targets):
            # A publisher that never waits would keep the consumers from ever catching up.
            await asyncio.sleep(0)

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None:
        if to == self.reply_address:
            self._replies.resolve(correlation_id, decode(encode(message)))

    def expect(self, correlation_id: str) -> asyncio.Future[Message]:
        return self._replies.expect(correlation_id)

    async def request(self, request: Request[R], *, timeout: float = 10) -> R:
        self._require_open()
        kind = type(request)
        server = next((server for server in self._servers if server.serves(kind)), None)
        if server is None:
            raise nobody_serves(tag_of(kind))
        self._servers.remove(server)
        self._servers.append(server)
        correlation_id = str(uuid_utils.uuid7())
        expected = self._replies.expect(correlation_id)
        server.take(encode(request), correlation_id)
        try:
            async with asyncio.timeout(timeout):
                reply = await expected
        except TimeoutError as error:
            raise no_answer(tag_of(kind), timeout) from error
        if isinstance(reply, RequestRefused):
            raise_refused(reply)
        return cast(R, reply)

    async def serve(self, queue: Queue, handlers: RequestHandlers) -> Subscription:
        self._require_open()
        serving = _Serving(self, queue, handlers)
        self._servers.append(serving)
        self._subscriptions.append(serving)
        return serving

    async def declare(self, queue: Queue) -> None:
        self._require_open()
        self._declared(queue)

    async def consume(self, queue: Queue, handlers: Handlers) -> Subscription:
        self._require_open()
        name = queue.name if queue.is_durable else f"{queue.name}.{next(self._numbers)}"
        declared = self._declared(queue, name)
        seat = declared.join(Consumer(queue, handlers))
        consuming = _Consuming(self, declared, seat)
        self._subscriptions.append(consuming)
        return consuming

    async def delete(self, queue: Queue) -> None:
        deleted = self._queues.pop(queue.name, None)
        self._routes.clear()
        if deleted is not None:
            deleted.discard()

    async def close(self) -> None:
        for running in reversed(list(self._subscriptions)):
            await running.cancel()
        self._is_closed = True
        for queue in self._queues.values():
            queue.discard()
        self._replies.fail_all(Unavailable("The bus is closed."))

    def forget_subscription(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def forget_server(self, server: _Serving) -> None:
        if server in self._servers:
            self._servers.remove(server)

    def forget_queue(self, queue: MemoryQueue) -> None:
        self._queues.pop(queue.name, None)
        self._routes.clear()

    def _require_open(self) -> None:
        if self._is_closed:
            raise Unavailable("The bus is closed.")

    def _declared(self, queue: Queue, name: str | None = None) -> MemoryQueue:
        name = name or queue.name
        declared = self._queues.get(name)
        if declared is None:
            declared = self._queues[name] = MemoryQueue(name, queue, self._bury)
            self._routes.clear()
        return declared

    def _targets(self, kind: type[Message], partition: str) -> tuple[MemoryQueue, ...]:
        """The queues that take a message. Raises Unavailable if one is full or there is none."""
        targets = self._routes.get((kind, partition))
        if targets is None:
            targets = self._bound(kind, partition, takes_dead=False)
            if not targets:
                if is_announcement(kind):
                    return ()
                raise Unavailable(f"No queue takes {tag_of(kind)} {partition}".rstrip() + ".")
            self._routes[kind, partition] = targets
        for target in targets:
            if target.is_full:
                raise Unavailable(f"The queue {target.name} is full. Try again in a moment.")
        return targets

    def _bound(
        self, kind: type[Message], partition: str, *, takes_dead: bool
    ) -> tuple[MemoryQueue, ...]:
        return tuple(
            queue
            for queue in self._queues.values()
            if queue.spec.takes_dead == takes_dead
            and any(binding.takes(kind, partition) for binding in queue.spec.bindings)
        )

    def _bury(self, queue: MemoryQueue, letter: Letter, reason: str) -> None:
        message_id = letter.envelope.message_id
        self.dead_letters.append(DeadLetter(queue.name, reason, letter.body, message_id))
        if queue.spec.takes_dead:
            return
        for target in self._bound(letter.kind, letter.partition, takes_dead=True):
            target.put(letter.as_dead(reason))


async def _all_stored(journals: list[asyncio.Future[None]]) -> None:
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            await asyncio.gather(*journals)
    except TimeoutError as error:
        raise Unavailable(
            f"The message was not stored within {PUBLISH_TIMEOUT_S:g} s. It may still be."
        ) from error
