"""The seam between the bus and an AMQP client: all that the hot path asks of one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec


class LinkLost(Exception):
    """The connection is gone, and whether what was under way has arrived is not known."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send. expires_ms: the broker drops it when nobody took it by then."""

    exchange: str
    routing_key: str
    body: bytes
    type: str | None
    message_id: str
    correlation_id: str | None = None
    reply_to: str | None = None
    headers: dict[str, Any] | None = None
    is_persistent: bool = True
    is_mandatory: bool = True
    expires_ms: int | None = None


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the broker delivers it; anyone may have sent it."""

    body: bytes
    routing_key: str
    delivery_tag: int
    is_redelivered: bool
    type: str | None
    message_id: str | None
    correlation_id: str | None
    reply_to: str | None
    headers: dict[str, Any]


class Link(Protocol):
    """One connection. Once lost it stays so: another one takes its place."""

    @property
    def lost(self) -> asyncio.Future[str]:
        """Done with the reason once the connection is gone."""

    async def close(self) -> None: ...


class Outlet(Link, Protocol):
    """A connection that publishes."""

    @property
    def is_blocked(self) -> bool:
        """The broker is out of memory or disk, and takes nothing in."""

    def publish(self, outgoing: Outgoing) -> asyncio.Future[None]:
        """Done once the broker has confirmed; many may be under way.

        Fails with Unavailable when the broker refuses the message or (mandatory) no queue takes
        it, with LinkLost. Waits while the outlet is blocked.
        """

    def send(self, outgoing: Outgoing) -> None:
        """Publish without confirmation. What is mandatory and taken by no queue is told aside."""


class Source(Protocol):
    """One running consumer on a connection."""

    @property
    def is_open(self) -> bool: ...

    def ack(self, delivery_tag: int) -> None:
        """Nothing happens when the source is no longer open."""

    def requeue(self, delivery_tag: int) -> None: ...

    async def cancel(self) -> None:
        """No more deliveries; those in hand can still be settled."""

    def close(self) -> None:
        """What is not settled goes back to the queue."""


class Inlet(Link, Protocol):
    """A connection that consumes."""

    async def declare_own(
        self, queue: str, bindings: Sequence[tuple[str, str]], *, max_length: int
    ) -> None:
        """A queue that lives as long as this connection, bound by (exchange, pattern)."""

    async def consume(
        self,
        queue: str,
        on_message: Callable[[Source, Incoming], None],
        *,
        prefetch: int = 0,
        is_acknowledged: bool = True,
        on_cancelled: Callable[[], None] = lambda: None,
    ) -> Source:
        """prefetch: most messages that are not settled; 0 is no limit.

        on_cancelled: called when the broker ends it, which it does when the queue goes.

        Raises LinkLost, also when there is no such queue.
        """
