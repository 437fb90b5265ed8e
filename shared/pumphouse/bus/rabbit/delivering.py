"""One message that RabbitMQ delivered, and how it is settled."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from pumphouse.bus.interface import Envelope
from pumphouse.bus.rabbit import layout
from pumphouse.bus.rabbit.link import Incoming, Outgoing, Source
from pumphouse.bus.topology import DEAD, Queue

Store = Callable[[Outgoing], Awaitable[None]]
"""Publishes, and returns once the broker has confirmed."""


class RabbitDelivery:
    """Retries and dead letters are stored elsewhere first, and only then acknowledged here.

    When the connection that brought it is gone, the broker delivers the message again, and
    whatever is decided here has no effect.
    """

    __slots__ = ("_incoming", "_queue", "_source", "_store", "envelope", "interruptions")

    def __init__(self, incoming: Incoming, queue: Queue, source: Source, store: Store) -> None:
        self._incoming = incoming
        self._queue = queue
        self._source = source
        self._store = store
        self.interruptions = 0
        deliveries = 0
        headers = incoming.headers
        if headers or incoming.is_redelivered:
            deliveries = _count(headers, layout.DELIVERIES)
            self.interruptions = max(
                _count(headers, layout.DELIVERY_COUNT), int(incoming.is_redelivered)
            )
        self.envelope = Envelope(
            incoming.message_id or str(uuid.uuid4()),
            incoming.correlation_id,
            incoming.reply_to,
            1 + deliveries + self.interruptions,
            _reason(headers) if queue.takes_dead else None,
        )

    @property
    def body(self) -> bytes:
        return self._incoming.body

    def accept(self) -> None:
        self._source.ack(self._incoming.delivery_tag)

    def give_back(self) -> None:
        self._source.requeue(self._incoming.delivery_tag)

    async def retry(self, delay_s: float) -> None:
        await self._move(
            layout.retry_name(delay_s),
            self._queue.name,
            {
                layout.DELIVERIES: self.envelope.delivery,
                layout.ROUTING_KEY: self._routing_key,
                layout.REASON: self.envelope.reason,
            },
        )

    async def bury(self, reason: str) -> None:
        headers = {layout.REASON: reason, layout.QUEUE: self._queue.name}
        if self._queue.takes_dead:
            await self._move("", layout.DEAD_LETTERS, headers)
        else:
            await self._move(DEAD, self._routing_key, headers)

    @property
    def _routing_key(self) -> str:
        """The one that the message was published with."""
        return str(self._incoming.headers.get(layout.ROUTING_KEY, self._incoming.routing_key))

    async def _move(self, exchange: str, routing_key: str, headers: dict[str, Any]) -> None:
        if not self._source.is_open:
            return
        incoming = self._incoming
        await self._store(
            Outgoing(
                exchange=exchange,
                routing_key=routing_key,
                body=incoming.body,
                type=incoming.type,
                message_id=self.envelope.message_id,
                correlation_id=incoming.correlation_id,
                reply_to=incoming.reply_to,
                headers={name: value for name, value in headers.items() if value is not None},
            )
        )
        self.accept()


def _count(headers: dict[str, Any], name: str) -> int:
    value = headers.get(name)
    return value if isinstance(value, int) else 0


def _reason(headers: dict[str, Any]) -> str:
    return str(headers.get(layout.REASON) or headers.get(layout.FIRST_DEATH_REASON) or "unknown")
