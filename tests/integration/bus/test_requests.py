"""Requests and replies, whichever the transport."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pumphouse.bus import Queue
from pumphouse.contracts.catalog import CatalogListed, CatalogRequested
from pumphouse.errors import Invalid, PumphouseError, Unavailable
from tests.integration.bus.transports import Transport, pod, until


def request_queue(partition: str) -> Queue:
    return Queue(name=f"test.requests.{partition}", is_durable=False)


def answering(
    answer: Callable[[int], CatalogListed],
) -> Callable[[CatalogRequested], Awaitable[CatalogListed]]:
    async def handle(request: CatalogRequested) -> CatalogListed:
        return answer(request.after)

    return handle


async def test_a_request_is_answered(transport: Transport, partition: str) -> None:
    server, client = await transport.bus(), await transport.bus()
    handler = answering(lambda after: CatalogListed(revision=after + 1))
    await server.serve(request_queue(partition), {CatalogRequested: handler})

    answers = await asyncio.gather(
        *(client.request(CatalogRequested(after=number)) for number in range(20))
    )
    assert [each.revision for each in answers] == list(range(1, 21))


async def test_the_error_of_the_handler_is_raised_at_the_requester(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()

    def refuse(_: int) -> CatalogListed:
        raise Invalid("after must not be negative", {"field": "after"})

    await bus.serve(request_queue(partition), {CatalogRequested: answering(refuse)})
    with pytest.raises(Invalid, match="must not be negative") as caught:
        await bus.request(CatalogRequested(after=-1))
    assert caught.value.details == {"field": "after"}


async def test_a_fault_of_the_handler_shows_nothing_of_the_inside(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()

    def fail(_: int) -> CatalogListed:
        raise ZeroDivisionError("secret")

    await bus.serve(request_queue(partition), {CatalogRequested: answering(fail)})
    with pytest.raises(PumphouseError, match="failed inside the platform") as caught:
        await bus.request(CatalogRequested(after=0))
    assert type(caught.value) is PumphouseError
    assert "secret" not in str(caught.value)


async def test_a_request_that_nobody_serves_fails_at_once(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    with pytest.raises(Unavailable, match="No service answers"):
        async with asyncio.timeout(30):
            await bus.request(CatalogRequested(after=0), timeout=60)
    serving = await bus.serve(
        request_queue(partition),
        {CatalogRequested: answering(lambda after: CatalogListed(revision=after))},
    )
    assert await bus.request(CatalogRequested(after=3)) == CatalogListed(revision=3)
    await serving.cancel()
    with pytest.raises(Unavailable, match="No service answers"):
        async with asyncio.timeout(30):
            await bus.request(CatalogRequested(after=0), timeout=60)


async def test_a_request_that_is_not_answered_in_time_fails(
    transport: Transport, partition: str
) -> None:
    bus = await transport.bus()
    gate = asyncio.Event()

    async def wait(request: CatalogRequested) -> CatalogListed:
        await gate.wait()
        return CatalogListed(revision=request.after)

    await bus.serve(request_queue(partition), {CatalogRequested: wait})
    with pytest.raises(Unavailable, match=r"not answered within 0\.2 s"):
        await bus.request(CatalogRequested(after=0), timeout=0.2)
    gate.set()
    assert await bus.request(CatalogRequested(after=1)) == CatalogListed(revision=1)


async def test_servers_share_the_requests(transport: Transport, partition: str) -> None:
    asked: set[str] = set()
    for name in ("one", "two"):

        async def handle(request: CatalogRequested, name: str = name) -> CatalogListed:
            asked.add(name)
            return CatalogListed(revision=request.after)

        await (await transport.bus()).serve(request_queue(partition), {CatalogRequested: handle})
    bus = await transport.bus()
    for number in range(10):
        await bus.request(CatalogRequested(after=number))
    assert asked == {"one", "two"}


async def test_a_reply_reaches_everybody_who_expects_it(transport: Transport) -> None:
    waiting, answering = await transport.bus(), await transport.bus()
    first, second = waiting.expect("c"), waiting.expect("c")
    other = waiting.expect("other")
    given_up = waiting.expect("c")
    given_up.cancel()

    await answering.reply(pod(1), to=waiting.reply_address, correlation_id="unknown")
    await answering.reply(pod(2), to=waiting.reply_address, correlation_id="c")
    await until(lambda: first.done() and second.done())
    assert (first.result(), second.result()) == (pod(2), pod(2))
    assert not other.done()


async def test_a_reply_to_nobody_is_lost_without_a_fault(transport: Transport) -> None:
    bus = await transport.bus()
    await bus.reply(pod(1), to="gone", correlation_id="c")
    expected = bus.expect("c")
    await bus.reply(pod(2), to=bus.reply_address, correlation_id="c")
    assert await asyncio.wait_for(expected, 60) == pod(2)
