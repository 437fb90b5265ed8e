"""What survives when the broker restarts, crashes, is full, or is not there."""

import asyncio
import socket

import pytest
import uvloop

from pumphouse.bus import Binding, Envelope, Queue, open_bus
from pumphouse.bus.rabbit import bus as rabbit_bus
from pumphouse.contracts.catalog import CatalogChanged, CatalogListed, CatalogRequested
from pumphouse.contracts.pods import PodRequested
from pumphouse.errors import Invalid, Unauthorized, Unavailable
from tests.integration.bus.transports import pod, pod_queue, until
from tests.processes import eventually
from tests.servers.rabbit_node import RabbitNode


def crash(node: RabbitNode) -> None:
    node.sync()
    node.kill()
    node.start()


async def test_a_confirmed_message_survives_a_crash_of_the_broker(
    node: RabbitNode, partition: str
) -> None:
    queue = pod_queue(partition)
    async with open_bus(node.url, "before") as bus:
        await bus.declare(queue)
        await bus.publish(pod(1), partition=partition, message_id="m")
    await asyncio.to_thread(crash, node)
    got: list[Envelope] = []

    async def handle(_: PodRequested, envelope: Envelope) -> None:
        got.append(envelope)

    async with open_bus(node.url, "after") as bus:
        await bus.consume(queue, {PodRequested: handle})
        await until(lambda: bool(got))
    assert [each.message_id for each in got] == ["m"]


async def test_a_restart_in_the_middle_of_a_stream_loses_nothing(
    node: RabbitNode, partition: str
) -> None:
    got: set[int] = set()
    published = 0
    is_back = False

    async def handle(message: PodRequested, _: Envelope) -> None:
        got.add(message.catalog_revision)

    async def publish_until_it_is_back() -> None:
        nonlocal published
        while not is_back or published < 300:
            number, published = published, published + 1
            while True:
                try:
                    await bus.publish(pod(number), partition=partition, message_id=f"{number}")
                except Unavailable:
                    continue  # the broker took longer than one publish may wait
                break
            await asyncio.sleep(0.001)

    async with open_bus(node.url, "test") as bus:
        await bus.consume(pod_queue(partition), {PodRequested: handle})
        async with asyncio.TaskGroup() as publishers:
            for _ in range(20):
                publishers.create_task(publish_until_it_is_back())
            await until(lambda: len(got) > 50)
            await asyncio.to_thread(node.stop)
            await asyncio.to_thread(node.start)
            is_back = True
        await until(lambda: len(got) == published)
    assert got == set(range(published))


async def test_every_kind_of_consumer_comes_back_after_a_crash(
    node: RabbitNode, partition: str
) -> None:
    listener = Queue(
        name="test.listener",
        bindings=(Binding(kind=CatalogChanged, partition=partition),),
        is_durable=False,
    )
    handled: list[int] = []
    heard: list[CatalogChanged] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        handled.append(message.catalog_revision)

    async def hear(message: CatalogChanged, _: Envelope) -> None:
        heard.append(message)

    async def answer(request: CatalogRequested) -> CatalogListed:
        return CatalogListed(revision=request.after)

    async with open_bus(node.url, "server") as server, open_bus(node.url, "client") as client:
        await server.consume(pod_queue(partition), {PodRequested: handle})
        await server.serve(
            Queue(name=f"requests.{partition}", is_durable=False), {CatalogRequested: answer}
        )
        await server.consume(listener, {CatalogChanged: hear})
        await asyncio.to_thread(crash, node)

        await client.publish(pod(1), partition=partition)
        await until(lambda: bool(handled))
        async with asyncio.timeout(60):
            while not heard:  # the listener may miss what is announced before it is back
                await client.publish(CatalogChanged(changes=()), partition=partition)
                await asyncio.sleep(0.05)
        assert await client.request(CatalogRequested(after=5)) == CatalogListed(revision=5)


async def test_a_handler_that_outlives_its_connection_settles_nothing(
    node: RabbitNode, partition: str
) -> None:
    deliveries: list[int] = []
    gates = [asyncio.Event(), asyncio.Event()]

    async def handle(_: PodRequested, envelope: Envelope) -> None:
        gate = gates[len(deliveries)]
        deliveries.append(envelope.delivery)
        await gate.wait()

    queue = pod_queue(partition)
    async with open_bus(node.url, "test") as bus:
        await bus.consume(queue, {PodRequested: handle})
        await bus.publish(pod(1), partition=partition)
        await until(lambda: len(deliveries) == 1)
        await asyncio.to_thread(crash, node)
        await until(lambda: len(deliveries) == 2)
        gates[0].set()
        gates[1].set()
    assert deliveries == [1, 2]
    # The broker counts what a queue has every few seconds.
    await asyncio.to_thread(eventually, lambda: _left_in(node, queue) == 0)


def _left_in(node: RabbitNode, queue: Queue) -> int:
    listed = node.control("list_queues", "name", "messages", "--no-table-headers")
    [count] = [line.split()[1] for line in listed.splitlines() if line.split()[0] == queue.name]
    return int(count)


async def test_publishing_waits_while_the_broker_is_out_of_memory(
    node: RabbitNode, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command that gives the broker its memory back may take a while.
    monkeypatch.setattr(rabbit_bus, "PUBLISH_TIMEOUT_S", 60)
    handled: list[int] = []

    async def handle(message: PodRequested, _: Envelope) -> None:
        handled.append(message.catalog_revision)

    async with open_bus(node.url, "test") as bus:
        await bus.consume(pod_queue(partition), {PodRequested: handle})
        await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "absolute", "1MB")
        publishing = asyncio.create_task(bus.publish(pod(1), partition=partition))
        done, _ = await asyncio.wait([publishing], timeout=1)
        assert not done
        await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "absolute", "512MB")
        await publishing
        await until(lambda: handled == [1])


async def test_a_bus_waits_for_a_broker_that_starts_later(node: RabbitNode) -> None:
    await asyncio.to_thread(node.stop)
    starting = asyncio.create_task(asyncio.to_thread(node.start))
    async with open_bus(node.url, "early", start_timeout_s=60) as bus:
        assert bus.reply_address
    await starting


async def test_an_address_where_nobody_listens_is_named_without_the_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"amqp://user:hush@127.0.0.1:{port}/"
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} does not answer") as caught:
            async with open_bus(url, "test", start_timeout_s=0.3):
                pass
    assert "hush" not in str(caught.value)


async def test_a_wrong_password_is_told_at_once_and_not_shown(amqp_url: str) -> None:
    url = amqp_url.replace("guest:guest", "guest:hush")
    with pytest.raises(Unauthorized, match="does not accept user 'guest'") as caught:
        async with open_bus(url, "test"):
            pass
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost", "http://localhost/", "amqp://:5672/", "amqp://h:x/"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="AMQP URL"):
        async with open_bus(url, "test"):
            pass


async def test_the_bus_runs_on_uvloop_too(amqp_url: str, partition: str) -> None:
    async def there_and_back() -> list[int]:
        handled: list[int] = []

        async def handle(message: PodRequested, _: Envelope) -> None:
            handled.append(message.catalog_revision)

        async with open_bus(amqp_url, "test") as bus:
            await bus.consume(pod_queue(partition), {PodRequested: handle})
            await bus.publish(pod(1), partition=partition)
            await until(lambda: bool(handled))
        return handled

    assert await asyncio.to_thread(uvloop.run, there_and_back()) == [1]
