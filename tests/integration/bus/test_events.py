"""What every bus promises about events, whichever the transport."""

import asyncio
from collections import defaultdict
from itertools import pairwise

import pytest

from pumphouse.bus import Binding, Envelope, Queue
from pumphouse.bus.consuming import Consumer
from pumphouse.contracts.catalog import CatalogChanged
from pumphouse.contracts.pods import PodRequested
from pumphouse.errors import Unavailable
from tests.integration.bus.transports import Transport, pod, pod_queue, until


async def test_every_queue_bound_to_a_kind_gets_each_message(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    first: list[int] = []
    second: list[int] = []
    binding = Binding(kind=PodRequested, partition=partition)

    async def into_first(message: PodRequested, _: Envelope) -> None:
        first.append(message.catalog_revision)

    async def into_second(message: PodRequested, _: Envelope) -> None:
        second.append(message.catalog_revision)

    for name, handler in ((f"a.{partition}", into_first), (f"b.{partition}", into_second)):
        await bus.consume(Queue(name=name, bindings=(binding,)), {PodRequested: handler})
    for number in range(3):
        await bus.publish(pod(number), partition=partition)

    await until(lambda: len(first) == len(second) == 3)
    assert first == second == [0, 1, 2]


async def test_consumers_of_one_queue_share_its_messages(
    transport: Transport, partition: str
) -> None:
    taken: dict[str, list[int]] = defaultdict(list)
    queue = pod_queue(partition, prefetch=1)

    for name in ("one", "two"):

        async def handle(message: PodRequested, _: Envelope, name: str = name) -> None:
            taken[name].append(message.catalog_revision)
            await asyncio.sleep(0.005)

        await (await transport.bus()).consume(queue, {PodRequested: handle})
    bus = await transport.bus()
    for number in range(20):
        await bus.publish(pod(number), partition=partition)

    await until(lambda: sum(map(len, taken.values())) == 20)
    assert sorted([*taken["one"], *taken["two"]]) == list(range(20))
    assert taken["one"]
    assert taken["two"]


async def test_a_message_arrives_as_it_was_sent(transport: Transport, partition: str) -> None:
    bus = await transport.bus()
    got: list[tuple[PodRequested, Envelope]] = []

    async def handle(message: PodRequested, envelope: Envelope) -> None:
        got.append((message, envelope))

    await bus.consume(pod_queue(partition), {PodRequested: handle})
    sent = pod(1, deployment_id="ünï\n" + "x" * 300_000)
    await bus.publish(sent, partition=partition, correlation_id="c", reply_to="r", message_id="m")

    await until(lambda: bool(got))
    [(message, envelope)] = got
    assert message == sent
    assert message is not sent
    assert envelope == Envelope("m", "c", "r", 1)


async def test_handlers_run_side_by_side_up_to_the_prefetch(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    running = 0
    most = 0
    gate = asyncio.Event()

    async def handle(_: PodRequested, __: Envelope) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    await bus.consume(pod_queue(partition, prefetch=3), {PodRequested: handle})
    for number in range(5):
        await bus.publish(pod(number), partition=partition)
    await until(lambda: running == 3)
    gate.set()
    await until(lambda: running == 0)
    assert most == 3


async def test_equal_keys_are_handled_one_after_the_other_in_order(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    handled: dict[str, list[int]] = defaultdict(list)
    busy: set[str] = set()
    met = asyncio.Event()

    async def handle(message: PodRequested, _: Envelope) -> None:
        key = message.deployment_id
        assert key not in busy
        busy.add(key)
        if len(busy) == 2:
            met.set()
        await met.wait()
        # Earlier messages take longer, so that without the rule later ones would overtake them.
        await asyncio.sleep(0.02 - message.catalog_revision * 0.002)
        busy.discard(key)
        handled[key].append(message.catalog_revision)

    queue = pod_queue(partition, ordered_by=lambda message: message.deployment_id)
    await bus.consume(queue, {PodRequested: handle})
    for number in range(8):
        for key in ("a", "b"):
            await bus.publish(pod(number, key), partition=partition)

    await until(lambda: sum(map(len, handled.values())) == 16)
    assert handled == {"a": list(range(8)), "b": list(range(8))}


async def test_what_a_crashed_consumer_held_is_delivered_again(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    queue = pod_queue(partition)
    await bus.declare(queue)
    await bus.publish(pod(7), partition=partition, message_id="m")
    await transport.crash_a_consumer_of(queue)
    got: list[Envelope] = []

    async def handle(message: PodRequested, envelope: Envelope) -> None:
        assert message == pod(7)
        got.append(envelope)

    await bus.consume(queue, {PodRequested: handle})

    await until(lambda: bool(got))
    assert [(each.message_id, each.delivery) for each in got] == [("m", 2)]


async def test_messages_wait_for_their_first_consumer(transport: Transport, partition: str) -> None:
    bus = await transport.bus()
    queue = pod_queue(partition)
    await bus.declare(queue)
    for number in range(3):
        await bus.publish(pod(number), partition=partition)
    got: list[int] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        got.append(message.catalog_revision)

    await (await transport.bus()).consume(queue, {PodRequested: handle})
    await until(lambda: got == [0, 1, 2])


async def test_unavailable_retries_after_growing_pauses(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    times: list[float] = []
    envelopes: list[Envelope] = []

    async def handle(_: PodRequested, envelope: Envelope) -> None:
        times.append(asyncio.get_running_loop().time())
        envelopes.append(envelope)
        if len(times) < 3:
            raise Unavailable("not now")

    await bus.consume(pod_queue(partition), {PodRequested: handle})
    await bus.publish(pod(1), partition=partition, message_id="m", correlation_id="c", reply_to="r")

    await until(lambda: len(times) == 3)
    assert envelopes == [Envelope("m", "c", "r", number) for number in (1, 2, 3)]
    short, long = (later - earlier for earlier, later in pairwise(times))
    assert short >= 0.09
    assert long >= 0.49


async def test_a_retried_message_holds_up_no_other(transport: Transport, partition: str) -> None:
    bus = await transport.bus()
    handled: list[int] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        if message.catalog_revision == 0 and not handled:
            raise Unavailable("not before the other")
        handled.append(message.catalog_revision)

    await bus.consume(pod_queue(partition, prefetch=1), {PodRequested: handle})
    await bus.publish(pod(0), partition=partition)
    await bus.publish(pod(1), partition=partition)
    await until(lambda: handled == [1, 0])


async def test_only_one_consumer_is_active_and_the_next_takes_over(
    transport: Transport, partition: str
) -> None:
    queue = pod_queue(partition, is_single_active=True, prefetch=4)
    got: list[tuple[str, int]] = []
    subscriptions = {}
    for name in ("first", "second"):

        async def handle(message: PodRequested, _: Envelope, name: str = name) -> None:
            got.append((name, message.catalog_revision))

        bus = await transport.bus()
        subscriptions[name] = await bus.consume(queue, {PodRequested: handle})
    bus = await transport.bus()
    for number in range(6):
        await bus.publish(pod(number), partition=partition)
    await until(lambda: len(got) == 6)
    await subscriptions["first"].cancel()
    await bus.publish(pod(6), partition=partition)
    await until(lambda: len(got) == 7)
    assert got == [*(("first", number) for number in range(6)), ("second", 6)]


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    queue = pod_queue(partition, max_length=5)
    await bus.declare(queue)
    stored = 0

    async def fill() -> None:
        nonlocal stored
        for number in range(500):
            await bus.publish(pod(number), partition=partition)
            stored += 1

    with pytest.raises(Unavailable, match=r"full|No queue"):
        await fill()
    assert stored >= 5
    got: list[int] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        got.append(message.catalog_revision)

    await bus.consume(queue, {PodRequested: handle})
    await until(lambda: len(got) >= stored)
    async with asyncio.timeout(60):
        while True:  # the broker takes its time to see that there is room
            try:
                await bus.publish(pod(1000), partition=partition)
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                break
    await until(lambda: got[-1] == 1000)


async def test_what_no_queue_takes_is_refused(transport: Transport, partition: str) -> None:
    bus = await transport.bus()
    with pytest.raises(Unavailable, match=r"No queue takes pod\.requested\.v1"):
        await bus.publish(pod(1), partition=partition)


async def test_a_deleted_queue_takes_nothing_and_ends_its_consumers(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    queue = pod_queue(partition)

    async def handle(_: PodRequested, __: Envelope) -> None:
        raise AssertionError

    subscription = await (await transport.bus()).consume(queue, {PodRequested: handle})
    await bus.delete(queue)
    with pytest.raises(Unavailable, match="No queue takes"):
        await bus.publish(pod(1), partition=partition)
    await subscription.cancel()
    await bus.delete(queue)


async def test_an_announcement_reaches_every_listener_and_needs_none(
    transport: Transport, partition: str
) -> None:
    queue = Queue(
        name="test.listener",
        bindings=(Binding(kind=CatalogChanged, partition=partition),),
        is_durable=False,
        prefetch=1,
    )
    bus = await transport.bus()
    await bus.publish(CatalogChanged(changes=()), partition=partition)
    heard: list[str] = []
    for name in ("one", "two"):

        async def handle(_: CatalogChanged, __: Envelope, name: str = name) -> None:
            heard.append(name)
            raise Unavailable("a listener hears each announcement at most once")

        await (await transport.bus()).consume(queue, {CatalogChanged: handle})
    await bus.publish(CatalogChanged(changes=()), partition=partition)
    await until(lambda: len(heard) >= 2)
    await bus.publish(CatalogChanged(changes=()), partition=partition)
    await until(lambda: len(heard) >= 4)
    assert sorted(heard) == ["one", "one", "two", "two"]


async def test_cancelling_finishes_what_is_in_hand_and_takes_nothing_more(
    transport: Transport, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker_knows = asyncio.Event()
    drain = Consumer.drain

    async def drain_as_told(consumer: Consumer) -> None:
        broker_knows.set()
        await drain(consumer)

    monkeypatch.setattr(Consumer, "drain", drain_as_told)
    bus = await transport.bus()
    queue = pod_queue(partition)
    started, gate = asyncio.Event(), asyncio.Event()
    handled: list[int] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        started.set()
        await gate.wait()
        handled.append(message.catalog_revision)

    subscription = await bus.consume(queue, {PodRequested: handle})
    await bus.publish(pod(0), partition=partition)
    await started.wait()
    cancelling = asyncio.create_task(subscription.cancel())
    await broker_knows.wait()
    await bus.publish(pod(1), partition=partition)
    assert not cancelling.done()
    gate.set()
    await cancelling
    assert handled == [0]

    await bus.consume(queue, {PodRequested: handle})
    await until(lambda: handled == [0, 1])


async def test_a_closed_bus_says_so(transport: Transport, partition: str) -> None:
    bus = await transport.bus()
    await bus.declare(pod_queue(partition))
    expected = bus.expect("never")
    await bus.close()
    with pytest.raises(Unavailable, match="closed"):
        await expected
    with pytest.raises(Unavailable, match="closed"):
        await bus.publish(pod(1), partition=partition)
