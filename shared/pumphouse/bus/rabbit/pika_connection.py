"""A pika connection in terms of asyncio."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError, ChannelClosedByClient

from pumphouse.bus.rabbit.address import BrokerAddress
from pumphouse.bus.rabbit.link import LinkLost
from pumphouse.errors import Unavailable

_HEARTBEAT_S = 30
_CONNECT_TIMEOUT_S = 10.0


class PikaConnection:
    """An open connection, and the channels on it. It is lost as soon as one channel is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connection: Any = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self.lost: asyncio.Future[str] = loop.create_future()

    async def connect(self, address: BrokerAddress, name: str) -> None:
        """Raises Unavailable, naming the broker."""
        # What pika reports as an error is a lost connection, which the session reports once.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        opened: asyncio.Future[None] = self._loop.create_future()

        def on_open(_: Any) -> None:
            if not opened.done():
                opened.set_result(None)

        def on_failed(_: Any, error: BaseException) -> None:
            if not opened.done():
                opened.set_exception(LinkLost(repr(error)))

        self._connection = AsyncioConnection(
            _parameters(address, name),
            on_open_callback=on_open,
            on_open_error_callback=on_failed,
            on_close_callback=lambda _, error: self.lose(repr(error)),
            custom_ioloop=self._loop,
        )
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await opened
        except (LinkLost, TimeoutError) as error:
            if not (self._connection.is_closed or self._connection.is_closing):
                self._connection.close()
            raise Unavailable(f"RabbitMQ at {address} does not answer: {error!r}") from error

    def when_blocked(self, on_change: Callable[[bool], None]) -> None:
        self._connection.add_on_connection_blocked_callback(lambda *_: on_change(True))
        self._connection.add_on_connection_unblocked_callback(lambda *_: on_change(False))

    async def channel(self) -> Any:
        """A new pika channel. Raises LinkLost."""

        def closed(_: Any, error: BaseException) -> None:
            if not isinstance(error, ChannelClosedByClient):
                self.lose(repr(error))

        channel = await self.call(lambda done: self._connection.channel(on_open_callback=done))
        channel.add_on_close_callback(closed)
        return channel

    async def call(self, method: Callable[[Callable[[Any], None]], object]) -> Any:
        """Call a pika method that takes a callback, and return what that gets. Raises LinkLost."""
        done: asyncio.Future[Any] = self._loop.create_future()
        if self.lost.done():
            raise LinkLost(self.lost.result())
        self._waiting.add(done)
        try:
            method(lambda result: None if done.done() else done.set_result(result))
            return await done
        except AMQPError as error:
            raise LinkLost(repr(error)) from error
        finally:
            self._waiting.discard(done)

    def lose(self, reason: str) -> None:
        """Take the connection as lost, and close it if it is not."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(LinkLost(reason))
        if self._connection.is_open:
            self._connection.close()

    async def close(self) -> None:
        if self._connection.is_open:
            self._connection.close()
            await asyncio.wait([self.lost], timeout=_CONNECT_TIMEOUT_S)
        self.lose("closed")


def _parameters(address: BrokerAddress, name: str) -> pika.ConnectionParameters:
    encryption = None
    if address.is_encrypted:
        encryption = pika.SSLOptions(ssl.create_default_context(), address.host)
    return pika.ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.virtual_host,
        credentials=pika.PlainCredentials(address.user, address.password),
        ssl_options=encryption,
        heartbeat=_HEARTBEAT_S,
        socket_timeout=_CONNECT_TIMEOUT_S,
        stack_timeout=_CONNECT_TIMEOUT_S,
        client_properties={"connection_name": name},
    )
