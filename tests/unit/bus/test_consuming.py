import asyncio
from dataclasses import dataclass, field

import pytest

from pumphouse.bus import Envelope, Queue
from pumphouse.bus.consuming import MAX_INTERRUPTIONS, RETRY_DELAYS_S, Consumer, retry_delay_s
from pumphouse.contracts.codec import encode
from pumphouse.contracts.pods import PodRequested
from pumphouse.errors import Invalid, Unavailable

QUEUE = Queue(name="q")
FIRST = Envelope("m")
POD = encode(PodRequested(deployment_id="d", catalog_revision=1))


@dataclass
class FakeDelivery:
    body: bytes = POD
    envelope: Envelope = FIRST
    interruptions: int = 0
    is_broken: bool = False
    outcomes: list[str] = field(default_factory=list)

    def accept(self) -> None:
        self.outcomes.append("accepted")

    def give_back(self) -> None:
        self.outcomes.append("given back")

    async def retry(self, delay_s: float) -> None:
        if self.is_broken:
            raise Unavailable("no broker")
        self.outcomes.append(f"retried after {delay_s}")

    async def bury(self, reason: str) -> None:
        if self.is_broken:
            raise Unavailable("no broker")
        self.outcomes.append(f"buried: {reason}")


async def outcome(
    delivery: FakeDelivery, error: Exception | None = None, queue: Queue = QUEUE
) -> str:
    """What a consumer does with one delivery whose handler raises `error`."""

    async def handle(_: PodRequested, __: Envelope) -> None:
        if error is not None:
            raise error

    consumer = Consumer(queue, {PodRequested: handle})
    consumer.take(delivery)
    await consumer.drain()
    [only] = delivery.outcomes
    return only


async def test_a_handler_that_returns_has_accepted() -> None:
    assert await outcome(FakeDelivery()) == "accepted"


@pytest.mark.parametrize(("delivery", "delay_s"), [(1, 0.1), (2, 0.5), (5, 15.0), (500, 15.0)])
async def test_unavailable_is_retried_after_a_pause_that_grows_to_a_limit(
    delivery: int, delay_s: float
) -> None:
    late = FakeDelivery(envelope=Envelope("m", delivery=delivery))
    assert await outcome(late, Unavailable("not now")) == f"retried after {delay_s}"


def test_every_pause_is_longer_than_the_one_before() -> None:
    pauses = [retry_delay_s(delivery) for delivery in range(1, len(RETRY_DELAYS_S) + 1)]
    assert pauses == sorted(set(pauses))


@pytest.mark.parametrize("error", [Invalid("no"), RuntimeError("no"), KeyError("no")])
async def test_any_other_error_buries_with_its_name(error: Exception) -> None:
    assert await outcome(FakeDelivery(), error) == f"buried: {type(error).__name__}: {error}"


async def test_an_endless_reason_is_cut() -> None:
    assert len(await outcome(FakeDelivery(), Invalid("x" * 100_000))) < 2100


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'{"type":"unknown.sent.v1"}'])
async def test_a_body_that_is_no_message_is_buried(body: bytes) -> None:
    assert (await outcome(FakeDelivery(body))).startswith("buried: Invalid: Not a message")


async def test_a_message_that_cannot_be_ordered_is_buried() -> None:
    def fail(_: PodRequested) -> str:
        raise KeyError("key")

    queue = Queue(name="q", ordered_by=fail)
    assert await outcome(FakeDelivery(), queue=queue) == "buried: KeyError: 'key'"


async def test_a_message_that_ends_every_consumer_is_given_up() -> None:
    poison = FakeDelivery(interruptions=MAX_INTERRUPTIONS)
    assert (await outcome(poison)).startswith("buried: Given up")
    last_chance = FakeDelivery(interruptions=MAX_INTERRUPTIONS - 1)
    assert await outcome(last_chance) == "accepted"


@pytest.mark.parametrize("error", [Unavailable("not now"), Invalid("no")])
async def test_what_can_be_neither_retried_nor_buried_is_given_back(error: Exception) -> None:
    assert await outcome(FakeDelivery(is_broken=True), error) == "given back"


@pytest.mark.parametrize("error", [Unavailable("not now"), Invalid("no")])
async def test_a_passing_listener_gets_nothing_twice(error: Exception) -> None:
    listener = Queue(name="q", is_durable=False)
    assert await outcome(FakeDelivery(), error, listener) == "accepted"


async def test_a_handler_that_is_cancelled_gives_back() -> None:
    async def handle(_: PodRequested, __: Envelope) -> None:
        await asyncio.Event().wait()

    delivery = FakeDelivery()
    consumer = Consumer(QUEUE, {PodRequested: handle})
    consumer.take(delivery)
    await consumer.drain(0.02)
    assert delivery.outcomes == ["given back"]
