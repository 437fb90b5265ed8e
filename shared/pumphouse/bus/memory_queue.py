"""One queue of the in-process bus, and the consumers that sit at it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from pumphouse.bus.consuming import Consumer
from pumphouse.bus.interface import Envelope
from pumphouse.bus.topology import Queue
from pumphouse.contracts.message import Message
from pumphouse.errors import PumphouseError, Unavailable


@dataclass(slots=True)
class Letter:
    """One message in one queue.

    stored: set when the message is in a journal and its publisher waits.
    """

    body: bytes
    kind: type[Message]
    partition: str
    envelope: Envelope
    interruptions: int = 0
    stored: asyncio.Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        return self.stored is not None and not self.stored.done()

    def as_dead(self, reason: str) -> "Letter":
        envelope = replace(self.envelope, delivery=1, reason=reason)
        return Letter(self.body, self.kind, self.partition, envelope)

    def count_delivery(self) -> None:
        self.envelope = replace(self.envelope, delivery=self.envelope.delivery + 1)


Bury = Callable[["MemoryQueue", Letter, str], None]


class _Delivery:
    """A letter in the hand of one consumer."""

    __slots__ = ("_letter", "_queue", "_seat")

    def __init__(self, letter: Letter, queue: "MemoryQueue", seat: "Seat") -> None:
        self._letter = letter
        self._queue = queue
        self._seat = seat

    @property
    def body(self) -> bytes:
        return self._letter.body

    @property
    def envelope(self) -> Envelope:
        return self._letter.envelope

    @property
    def interruptions(self) -> int:
        return self._letter.interruptions

    def accept(self) -> None:
        stored = self._letter.stored
        if stored is not None and not stored.done():
            stored.set_result(None)
        self._queue.release(self._seat, self)

    def give_back(self) -> None:
        self._letter.interruptions += 1
        self._letter.count_delivery()
        self._queue.put_first(self._letter)
        self._queue.release(self._seat, self)

    async def retry(self, delay_s: float) -> None:
        if self._letter.is_awaited:
            self._fail(Unavailable("The message cannot be stored now. Try again in a moment."))
        else:
            self._letter.count_delivery()
            self._queue.put_later(self._letter, delay_s)
        self._queue.release(self._seat, self)

    async def bury(self, reason: str) -> None:
        if self._letter.is_awaited:
            self._fail(PumphouseError(f"The message could not be stored. {reason}"))
        self._queue.bury(self._letter, reason)
        self._queue.release(self._seat, self)

    def _fail(self, error: PumphouseError) -> None:
        assert self._letter.stored is not None
        self._letter.stored.set_exception(error)


class Seat:
    """A consumer at a queue, with what it has in hand."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.in_hand: dict[_Delivery, None] = {}
        self.is_leaving = False

    @property
    def has_room(self) -> bool:
        return not self.is_leaving and len(self.in_hand) < self.consumer.queue.prefetch


class MemoryQueue:
    """Letters in order, handed to the consumers in turn as far as each has room."""

    def __init__(self, name: str, spec: Queue, bury: Bury) -> None:
        self.name = name
        self.spec = spec
        self._bury = bury
        self._ready: deque[Letter] = deque()
        self._seats: deque[Seat] = deque()
        self._resting: set[asyncio.TimerHandle] = set()
        self._is_gone = False

    @property
    def has_backlog(self) -> bool:
        return bool(self._ready)

    @property
    def is_full(self) -> bool:
        """A queue that is not durable is never full: it drops its oldest letter instead."""
        return self.spec.is_durable and len(self._ready) >= self.spec.max_length

    def put(self, letter: Letter) -> None:
        if not self.spec.is_durable and len(self._ready) >= self.spec.max_length:
            self._ready.popleft()
        self._ready.append(letter)
        self._hand_out()

    def put_first(self, letter: Letter) -> None:
        if not self._is_gone:
            self._ready.appendleft(letter)

    def put_later(self, letter: Letter, delay_s: float) -> None:
        if self._is_gone:
            return

        def rested() -> None:
            self._resting.discard(timer)
            self.put(letter)

        timer = asyncio.get_running_loop().call_later(delay_s, rested)
        self._resting.add(timer)

    def bury(self, letter: Letter, reason: str) -> None:
        self._bury(self, letter, reason)

    def join(self, consumer: Consumer) -> Seat:
        seat = Seat(consumer)
        self._seats.append(seat)
        self._hand_out()
        return seat

    async def leave(self, seat: Seat) -> None:
        """Give the seat no more letters, and return when those in its hand are settled.

        It keeps its place meanwhile, so that the next single active consumer starts after it.
        """
        seat.is_leaving = True
        await seat.consumer.drain()
        for delivery in reversed(list(seat.in_hand)):
            delivery.give_back()
        if seat in self._seats:
            self._seats.remove(seat)
        self._hand_out()

    def release(self, seat: Seat, delivery: _Delivery) -> None:
        seat.in_hand.pop(delivery, None)
        self._hand_out()

    def discard(self) -> None:
        """Drop everything, and hand out nothing any more."""
        self._is_gone = True
        for timer in self._resting:
            timer.cancel()
        self._resting.clear()
        for letter in self._ready:
            if letter.stored is not None and not letter.stored.done():
                letter.stored.set_exception(Unavailable("The queue is gone."))
        self._ready.clear()

    def _hand_out(self) -> None:
        while self._ready:
            seat = self._next_seat()
            if seat is None:
                return
            delivery = _Delivery(self._ready.popleft(), self, seat)
            seat.in_hand[delivery] = None
            seat.consumer.take(delivery)

    def _next_seat(self) -> Seat | None:
        if self.spec.is_single_active:
            first = self._seats[0] if self._seats else None
            return first if first is not None and first.has_room else None
        for _ in range(len(self._seats)):
            self._seats.rotate(-1)
            if self._seats[-1].has_room:
                return self._seats[-1]
        return None
