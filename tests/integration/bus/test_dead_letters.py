"""Messages that no handler can do anything with, whichever the transport."""

import asyncio

import aio_pika
from aio_pika.abc import FieldValue

from pumphouse.bus import Binding, Envelope, Queue, open_bus
from pumphouse.bus.topology import PLANS, routing_key
from pumphouse.contracts.codec import encode
from pumphouse.contracts.pods import PodReported, PodRequested
from pumphouse.errors import Invalid, Unavailable
from tests.integration.bus.transports import Dead, Transport, pod, pod_queue, until


def dead_queue(partition: str) -> Queue:
    binding = Binding(kind=PodRequested, partition=partition)
    return Queue(name=f"test.dead.{partition}", bindings=(binding,), takes_dead=True)


async def dead_letters_of(transport: Transport, queue: Queue) -> list[Dead]:
    """Polls, because a dead letter may still be on its way."""
    async with asyncio.timeout(60):
        while True:
            found = [dead for dead in await transport.dead_letters() if dead.queue == queue.name]
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_a_failed_message_goes_to_the_dead_letters_with_the_reason(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    buried: list[tuple[PodRequested, Envelope]] = []
    handled: list[int] = []

    async def fail_once(message: PodRequested, _: Envelope) -> None:
        if message.catalog_revision == 0:
            raise Invalid("the plan names no pipeline")
        handled.append(message.catalog_revision)

    async def bury(message: PodRequested, envelope: Envelope) -> None:
        buried.append((message, envelope))

    queue = pod_queue(partition)
    await bus.consume(queue, {PodRequested: fail_once})
    await bus.consume(dead_queue(partition), {PodRequested: bury})
    await bus.publish(pod(0), partition=partition, message_id="m", correlation_id="c")
    await bus.publish(pod(1), partition=partition)

    await until(lambda: bool(buried and handled))
    reason = "Invalid: the plan names no pipeline"
    assert buried == [(pod(0), Envelope("m", "c", None, 1, reason))]
    assert handled == [1]
    assert await dead_letters_of(transport, queue) == [Dead(queue.name, reason, encode(pod(0)))]


async def test_a_fault_in_a_handler_is_a_dead_letter_too(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()

    async def divide(_: PodRequested, __: Envelope) -> None:
        raise ZeroDivisionError("division by zero")

    queue = pod_queue(partition)
    await bus.consume(queue, {PodRequested: divide})
    await bus.publish(pod(0), partition=partition)

    [dead] = await dead_letters_of(transport, queue)
    assert dead.reason == "ZeroDivisionError: division by zero"


async def test_a_message_that_was_retried_keeps_its_way_to_the_dead_letters(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    buried: list[Envelope] = []

    async def fail(_: PodRequested, envelope: Envelope) -> None:
        raise Unavailable("not now") if envelope.delivery == 1 else Invalid("never")

    async def bury(_: PodRequested, envelope: Envelope) -> None:
        buried.append(envelope)

    await bus.consume(pod_queue(partition), {PodRequested: fail})
    await bus.consume(dead_queue(partition), {PodRequested: bury})
    await bus.publish(pod(0), partition=partition)

    await until(lambda: bool(buried))
    assert [each.reason for each in buried] == ["Invalid: never"]


async def test_the_reason_outlives_a_retry_of_the_dead_letter(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    buried: list[Envelope] = []

    async def fail(_: PodRequested, __: Envelope) -> None:
        raise Invalid("never")

    async def bury(_: PodRequested, envelope: Envelope) -> None:
        if envelope.delivery == 1:
            raise Unavailable("not now")
        buried.append(envelope)

    await bus.consume(pod_queue(partition), {PodRequested: fail})
    await bus.consume(dead_queue(partition), {PodRequested: bury})
    await bus.publish(pod(0), partition=partition)

    await until(lambda: bool(buried))
    assert [(each.reason, each.delivery) for each in buried] == [("Invalid: never", 2)]


async def test_a_dead_letter_that_fails_again_does_not_go_round(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    attempts: list[str] = []

    async def fail(_: PodRequested, __: Envelope) -> None:
        attempts.append("queue")
        raise Invalid("no")

    async def fail_again(_: PodRequested, __: Envelope) -> None:
        attempts.append("dead")
        raise Invalid("no again")

    queue, dead = pod_queue(partition), dead_queue(partition)
    await bus.consume(queue, {PodRequested: fail})
    await bus.consume(dead, {PodRequested: fail_again})
    await bus.publish(pod(0), partition=partition)

    [found] = await dead_letters_of(transport, dead)
    assert found == Dead(dead.name, "Invalid: no again", encode(pod(0)))
    await bus.publish(pod(1), partition=partition)
    await until(lambda: len(attempts) == 4)
    assert attempts == ["queue", "dead"] * 2


async def test_a_kind_that_has_no_handler_is_a_dead_letter(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()

    async def handle(_: PodReported, __: Envelope) -> None:
        raise AssertionError

    queue = pod_queue(partition)
    await bus.consume(queue, {PodReported: handle})
    await bus.publish(pod(0), partition=partition)

    [dead] = await dead_letters_of(transport, queue)
    assert dead.reason == f"Invalid: {queue.name} does not handle pod.requested.v1."


async def test_a_malformed_message_of_a_stranger_is_a_dead_letter_and_stops_nothing(
    amqp_url: str, partition: str
) -> None:
    handled: list[Envelope] = []

    async def handle(_: PodRequested, envelope: Envelope) -> None:
        handled.append(envelope)

    key = routing_key(PodRequested, partition)
    reasons = []
    async with (
        open_bus(amqp_url, "test") as bus,
        await aio_pika.connect(amqp_url) as stranger,
    ):
        await bus.consume(pod_queue(partition), {PodRequested: handle})
        channel = await stranger.channel()
        copies = await channel.declare_queue(exclusive=True)
        await copies.bind("pumphouse.dead", key)
        plans = await channel.get_exchange(PLANS, ensure=False)
        letters = copies.iterator(timeout=60)
        for body in (b"", b"{", b"\xff\xfe", b"[]", b'{"type": "pod.requested.v9"}', b"null"):
            headers: dict[str, FieldValue] = {"x-deliveries": "many", "x-reason": 7}
            await plans.publish(aio_pika.Message(body, headers=headers), key)
            dead = await anext(letters)
            assert dead.body == body
            reasons.append(str(dead.headers["x-reason"]))
        await plans.publish(aio_pika.Message(encode(pod(1))), key)
        await until(lambda: bool(handled))
        await letters.close()

    assert all(each.startswith("Invalid: Not a message of this platform") for each in reasons)
    [envelope] = handled
    assert envelope.message_id
    assert (envelope.correlation_id, envelope.reply_to) == (None, None)
