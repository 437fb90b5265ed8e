"""Rare calls to the broker, each on a connection of its own: declaring and deleting."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aio_pika
from aio_pika import exceptions
from aio_pika.abc import AbstractChannel, ExchangeType
from aiormq.exceptions import ChannelAccessRefused

from pumphouse.bus.consuming import RETRY_DELAYS_S
from pumphouse.bus.rabbit import layout
from pumphouse.bus.rabbit.address import BrokerAddress
from pumphouse.bus.topology import DEAD, EXCHANGES, REQUESTS, Queue
from pumphouse.contracts.message import Message, tag_of
from pumphouse.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable

_TIMEOUT_S = 15.0


class Declarations:
    """All methods raise Unavailable when the broker does not answer.

    They raise Unauthorized, Forbidden or NotFound when the URL must be changed, and Conflict when
    a queue is there with other arguments.
    """

    def __init__(self, address: BrokerAddress, name: str) -> None:
        self._address = address
        self._name = f"{name} (declares)"

    async def declare_all(self, queues: Iterable[Queue]) -> None:
        """Exchanges, retry ladder, dead letters, and these queues."""
        async with self._channel() as channel:
            for name in EXCHANGES:
                await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)
            dead_letters = await channel.declare_queue(
                layout.DEAD_LETTERS, durable=True, arguments=layout.dead_letters_arguments()
            )
            await dead_letters.bind(DEAD, "#")
            for delay_s in RETRY_DELAYS_S:
                await _declare_retry(channel, delay_s)
            for queue in queues:
                await _declare_durable(channel, queue)

    async def declare(self, queue: Queue) -> None:
        async with self._channel() as channel:
            await _declare_durable(channel, queue)

    async def declare_for_requests(self, queue: Queue, kinds: Iterable[type[Message]]) -> None:
        """A queue that goes with its last consumer, so that a request nobody serves fails."""
        async with self._channel() as channel:
            declared = await channel.declare_queue(
                queue.name, durable=True, auto_delete=True, arguments=layout.request_arguments()
            )
            for kind in kinds:
                await declared.bind(REQUESTS, tag_of(kind))

    async def has(self, queue: Queue) -> bool:
        try:
            async with self._channel() as channel:
                await channel.declare_queue(queue.name, passive=True)
        except NotFound:
            return False
        return True

    async def delete(self, queue: Queue) -> None:
        async with self._channel() as channel:
            await channel.queue_delete(queue.name)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        # What these libraries log as errors is raised, too.
        for library in ("aiormq", "aio_pika"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
        address = self._address
        try:
            connection = await aio_pika.connect(
                host=address.host,
                port=address.port,
                login=address.user,
                password=address.password,
                virtualhost=address.virtual_host,
                ssl=address.is_encrypted,
                timeout=_TIMEOUT_S,
                client_properties={"connection_name": self._name},
            )
            async with connection, asyncio.timeout(_TIMEOUT_S):
                yield await connection.channel()
        except exceptions.ProbableAuthenticationError as error:
            raise Unauthorized(
                f"RabbitMQ at {address} does not accept user {address.user!r} with this password."
            ) from error
        except exceptions.ChannelPreconditionFailed as error:
            raise Conflict(
                f"RabbitMQ at {address} has this queue with other arguments; "
                f"let it run empty and delete it: {error}"
            ) from error
        except exceptions.ChannelNotFoundEntity as error:
            raise NotFound(f"RabbitMQ at {address}: {error}") from error
        except ChannelAccessRefused as error:
            raise Forbidden(
                f"RabbitMQ at {address} does not let user {address.user!r} do this: {error}"
            ) from error
        except (exceptions.AMQPError, OSError, TimeoutError) as error:
            raise Unavailable(f"RabbitMQ at {address} does not answer: {error!r}") from error


async def _declare_retry(channel: AbstractChannel, delay_s: float) -> None:
    name = layout.retry_name(delay_s)
    exchange = await channel.declare_exchange(name, ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(
        name, durable=True, arguments=layout.retry_arguments(delay_s)
    )
    await queue.bind(exchange)


async def _declare_durable(channel: AbstractChannel, queue: Queue) -> None:
    declared = await channel.declare_queue(
        queue.name, durable=True, arguments=layout.durable_arguments(queue)
    )
    for binding in queue.bindings:
        await declared.bind(DEAD if queue.takes_dead else binding.exchange, binding.pattern)
