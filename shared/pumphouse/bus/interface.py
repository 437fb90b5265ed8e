"""The one interface behind which services talk; `memory` and `rabbit` implement it.

What both promise, and the behaviour suite in tests/integration shows:
- publish returns once every durable queue that the message is routed to has stored it;
- a durable queue delivers each message at least once, to one of its consumers;
- a handler's return acknowledges; Unavailable retries later, with growing delays, without end;
  anything else it raises moves the message to the dead letters with the reason;
- a full queue refuses the publish with Unavailable.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pumphouse.bus.topology import Queue
from pumphouse.contracts.message import Message, Request

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message carries beside its fields.

    message_id: equal for every delivery of one message.
    reply_to, correlation_id: where an answer goes and what it must name; None without a wish.
    delivery: 1 for the first delivery, more for each redelivery or retry.
    reason: why the message is a dead letter; None in queues that do not take those.
    """

    message_id: str
    correlation_id: str | None = None
    reply_to: str | None = None
    delivery: int = 1
    reason: str | None = None


Handler = Callable[[Any, Envelope], Awaitable[None]]
"""Handles one message of the class it is registered for; must bear double delivery."""

Handlers = Mapping[type[Message], Handler]

RequestHandler = Callable[[Any], Awaitable[Message]]
"""Answers one request; a PumphouseError that it raises is raised at the requester."""

RequestHandlers = Mapping[type[Request[Any]], RequestHandler]


class Subscription(Protocol):
    """A running consumer."""

    async def cancel(self) -> None:
        """Take no new message and return when those in hand are handled."""


class Bus(Protocol):
    @property
    def reply_address(self) -> str:
        """Where replies to this instance go, for Envelope.reply_to."""

    async def publish(
        self,
        message: Message,
        *,
        partition: str = "",
        correlation_id: str | None = None,
        reply_to: str | None = None,
        message_id: str | None = None,
    ) -> None:
        """Send an event, and return once it is stored.

        partition: appended to the tag as the rest of the routing key (see Queue.bindings).
        Raises Unavailable when a queue is full, when no queue takes the message (announcements
        may be unheard, see topology.is_announcement), or when it is not confirmed in time; the
        message may then still have been stored. In-process, it raises PumphouseError when a
        journal refuses the message for good.
        """

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None:
        """Answer at an Envelope.reply_to. Best effort: nobody may be listening any more."""

    def expect(self, correlation_id: str) -> asyncio.Future[Message]:
        """The reply that will carry this correlation id. Cancel the future to stop expecting."""

    async def request(self, request: Request[R], *, timeout: float = 10) -> R:
        """Ask, and return the answer.

        Raises what the answering handler raised (a PumphouseError), and Unavailable when nobody
        serves such requests or none answers within `timeout` seconds.
        """

    async def serve(self, queue: Queue, handlers: RequestHandlers) -> Subscription:
        """Answer requests; many at once, in no order, each at most once."""

    async def declare(self, queue: Queue) -> None:
        """Make a queue exist, so that what is routed to it is kept from now on."""

    async def consume(self, queue: Queue, handlers: Handlers) -> Subscription:
        """Declare `queue` and handle its messages, up to queue.prefetch at once.

        Messages are started in order. Where queue.ordered_by gives two messages the same key,
        the second starts after the first is settled.
        """

    async def delete(self, queue: Queue) -> None:
        """Remove a queue with what is in it; nothing happens when it does not exist."""

    async def close(self) -> None:
        """Cancel every subscription, fail what still expects a reply, and disconnect."""
