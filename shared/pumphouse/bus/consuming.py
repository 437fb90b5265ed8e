"""What becomes of a delivered message: the one place that acknowledges, retries and buries."""

import asyncio
import logging
from functools import partial
from typing import Protocol

from pumphouse.bus.dispatch import Dispatcher
from pumphouse.bus.interface import Envelope, Handler, Handlers
from pumphouse.bus.topology import Queue
from pumphouse.contracts.codec import decode
from pumphouse.contracts.message import Message, tag_of
from pumphouse.errors import Invalid, PumphouseError, Unavailable

log = logging.getLogger(__name__)

RETRY_DELAYS_S = (0.1, 0.5, 2.0, 5.0, 15.0)
"""How long a message rests after its first, second, … failed delivery; then always the last."""

MAX_INTERRUPTIONS = 10
"""Deliveries that may end without outcome before the message is held to be what ends them."""

DRAIN_TIMEOUT_S = 10.0
"""How long handlers may go on once their consumer is cancelled."""

_GIVE_BACK_DELAY_S = 0.5
_REASON_LENGTH = 2000


class Delivery(Protocol):
    """One message in hand, to be settled exactly once."""

    @property
    def body(self) -> bytes: ...

    @property
    def envelope(self) -> Envelope: ...

    @property
    def interruptions(self) -> int:
        """Earlier deliveries that were given back, or whose consumer died."""

    def accept(self) -> None:
        """It is handled."""

    def give_back(self) -> None:
        """It was not handled; another consumer may have it at once."""

    async def retry(self, delay_s: float) -> None:
        """Deliver it again, not before `delay_s`. Raises Unavailable."""

    async def bury(self, reason: str) -> None:
        """Move it to the dead letters. Raises Unavailable."""


def retry_delay_s(delivery: int) -> float:
    """How long a message rests after the given delivery (1 is the first) has failed."""
    return RETRY_DELAYS_S[min(delivery, len(RETRY_DELAYS_S)) - 1]


def reason_of(error: BaseException) -> str:
    """`Class: message`, short enough for a message header."""
    return f"{type(error).__name__}: {error}"[:_REASON_LENGTH]


class Consumer:
    """Handles the deliveries of one subscription, up to queue.prefetch at once."""

    def __init__(self, queue: Queue, handlers: Handlers) -> None:
        self._queue = queue
        self._handlers = handlers
        self._dispatcher = Dispatcher(queue.prefetch)

    @property
    def queue(self) -> Queue:
        return self._queue

    def take(self, delivery: Delivery) -> None:
        """Start handling a delivery, now or when its turn has come."""
        if delivery.interruptions >= MAX_INTERRUPTIONS:
            reason = f"Given up: {delivery.interruptions} deliveries ended without an outcome."
            self._dispatcher.submit(partial(self._bury, delivery, reason))
            return
        try:
            message = decode(delivery.body)
            handler = self._handler_of(message)
            key = None if self._queue.ordered_by is None else self._queue.ordered_by(message)
        except Exception as error:
            self._dispatcher.submit(partial(self._bury, delivery, reason_of(error)))
            return
        self._dispatcher.submit(partial(self._handle, delivery, message, handler), key)

    def forget_waiting(self) -> None:
        """Drop what has not started: the transport delivers it again."""
        self._dispatcher.drop_waiting()

    async def drain(self, timeout: float = DRAIN_TIMEOUT_S) -> None:
        """Return when all in hand is settled; what takes too long is cancelled and given back."""
        await self._dispatcher.drain(timeout)

    def _handler_of(self, message: Message) -> Handler:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise Invalid(f"{self._queue.name} does not handle {tag_of(type(message))}.")
        return handler

    async def _handle(self, delivery: Delivery, message: Message, handler: Handler) -> None:
        try:
            await handler(message, delivery.envelope)
        except asyncio.CancelledError:
            delivery.give_back()
            raise
        except Unavailable as error:
            await self._postpone(delivery, error)
        except Exception as error:
            if not isinstance(error, PumphouseError):
                log.exception("The handler of %s failed.", self._queue.name)
            await self._bury(delivery, reason_of(error))
        else:
            delivery.accept()

    async def _postpone(self, delivery: Delivery, error: Unavailable) -> None:
        log.warning(
            "%s: delivery %d of %s is put off: %s",
            self._queue.name,
            delivery.envelope.delivery,
            delivery.envelope.message_id,
            error,
        )
        if not self._queue.is_durable:
            delivery.accept()
            return
        try:
            await delivery.retry(retry_delay_s(delivery.envelope.delivery))
        except Unavailable:
            await self._give_back_later(delivery)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        log.error(
            "%s: %s is a dead letter: %s",
            self._queue.name,
            delivery.envelope.message_id,
            reason,
        )
        if not self._queue.is_durable:
            delivery.accept()
            return
        try:
            await delivery.bury(reason)
        except Unavailable:
            await self._give_back_later(delivery)

    async def _give_back_later(self, delivery: Delivery) -> None:
        try:
            await asyncio.sleep(_GIVE_BACK_DELAY_S)
        finally:
            delivery.give_back()
