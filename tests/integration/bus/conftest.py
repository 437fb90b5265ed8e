"""Both transports for the behaviour suite, and a RabbitMQ node that may be killed."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.bus.transports import Transport, memory, rabbit
from tests.servers.rabbit_node import RabbitNode
from tests.servers.rabbitmq import rabbit_node


@pytest.fixture(params=["memory", "rabbit"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    if request.param == "memory":
        async with memory() as each:
            yield each
    else:
        async with rabbit(request.getfixturevalue("amqp_url")) as each:
            yield each


@pytest.fixture
def partition() -> str:
    """A part of the routing key that only this test uses."""
    return uuid.uuid4().hex


@pytest.fixture(scope="session")
def running_node() -> Iterator[RabbitNode]:
    with rabbit_node() as node:
        yield node


@pytest.fixture
def node(running_node: RabbitNode) -> Iterator[RabbitNode]:
    """A node that the test may stop, kill and start."""
    yield running_node
    if not running_node.is_running:
        running_node.start()
