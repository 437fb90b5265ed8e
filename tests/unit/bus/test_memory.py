"""What only the in-process bus promises: its journals, and that nothing is stored in halves."""

import asyncio

import pytest

from pumphouse.bus import Binding, Envelope, Queue, open_bus
from pumphouse.bus import memory as memory_module
from pumphouse.bus.memory import MemoryBus
from pumphouse.contracts.executions import TriggerRequested
from pumphouse.contracts.pods import PodRequested
from pumphouse.errors import Invalid, PumphouseError, Unavailable

POD = PodRequested(deployment_id="d", catalog_revision=1)
BINDINGS = (Binding(kind=PodRequested),)
JOURNAL = Queue(name="journal", bindings=BINDINGS, is_journal=True)
WORK = Queue(name="work", bindings=BINDINGS)


async def test_a_publish_returns_when_the_journal_has_stored() -> None:
    bus = MemoryBus(queues=())
    gate = asyncio.Event()
    worked: list[PodRequested] = []

    async def store(_: PodRequested, __: Envelope) -> None:
        await gate.wait()

    async def work(message: PodRequested, _: Envelope) -> None:
        worked.append(message)

    await bus.consume(JOURNAL, {PodRequested: store})
    await bus.consume(WORK, {PodRequested: work})
    publishing = asyncio.create_task(bus.publish(POD))
    await asyncio.sleep(0.01)
    assert worked == [POD]  # nobody else waits for the journal
    assert not publishing.done()
    gate.set()
    await publishing


async def test_a_journal_that_cannot_store_now_fails_the_publish() -> None:
    bus = MemoryBus(queues=())
    asked = 0

    async def store(_: PodRequested, __: Envelope) -> None:
        nonlocal asked
        asked += 1
        raise Unavailable("the database is away")

    await bus.consume(JOURNAL, {PodRequested: store})
    with pytest.raises(Unavailable, match="cannot be stored now"):
        await bus.publish(POD)
    await asyncio.sleep(0.15)
    assert asked == 1  # the publisher knows, so nothing is retried behind its back


async def test_a_journal_that_refuses_fails_the_publish_for_good() -> None:
    bus = MemoryBus(queues=())

    async def store(_: PodRequested, __: Envelope) -> None:
        raise Invalid("no such pipeline")

    await bus.consume(JOURNAL, {PodRequested: store})
    with pytest.raises(PumphouseError, match="no such pipeline") as caught:
        await bus.publish(POD)
    assert not isinstance(caught.value, Unavailable)
    [dead] = bus.dead_letters
    assert (dead.queue, dead.reason) == ("journal", "Invalid: no such pipeline")


async def test_a_journal_that_nobody_keeps_fails_the_publish_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_module, "PUBLISH_TIMEOUT_S", 0.05)
    bus = MemoryBus(queues=[JOURNAL])
    with pytest.raises(Unavailable, match="not stored within"):
        await bus.publish(POD)


async def test_closing_fails_a_publish_that_waits_for_its_journal() -> None:
    bus = MemoryBus(queues=[JOURNAL])
    publishing = asyncio.create_task(bus.publish(POD))
    await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(Unavailable, match="gone"):
        await publishing


async def test_a_full_queue_keeps_the_message_out_of_every_other() -> None:
    small = Queue(name="small", bindings=BINDINGS, max_length=1)
    bus = MemoryBus(queues=[WORK, small])
    await bus.publish(POD)
    with pytest.raises(Unavailable, match="small is full"):
        await bus.publish(POD)
    worked: list[PodRequested] = []

    async def work(message: PodRequested, _: Envelope) -> None:
        worked.append(message)

    subscription = await bus.consume(WORK, {PodRequested: work})
    await asyncio.sleep(0.01)
    await subscription.cancel()
    assert worked == [POD]


async def test_a_publisher_in_a_loop_lets_the_consumers_keep_up() -> None:
    bus = MemoryBus(queues=())
    handled = 0

    async def handle(_: PodRequested, __: Envelope) -> None:
        nonlocal handled
        handled += 1

    await bus.consume(Queue(name="q", bindings=BINDINGS, max_length=20), {PodRequested: handle})
    for _ in range(1000):
        await bus.publish(POD)
    await asyncio.sleep(0.01)
    assert handled == 1000


async def test_the_queues_of_the_platform_are_there_from_the_start() -> None:
    async with open_bus(None, "test") as bus:
        await bus.publish(TriggerRequested(deployment="d"))
        with pytest.raises(Unavailable, match="No queue takes"):
            await bus.publish(POD)
