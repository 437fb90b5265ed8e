"""Publishing and consuming by pika."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from pika.spec import Basic, BasicProperties

from pumphouse.bus.rabbit.address import BrokerAddress
from pumphouse.bus.rabbit.link import Incoming, Inlet, LinkLost, Outgoing, Outlet, Source
from pumphouse.bus.rabbit.pika_connection import PikaConnection
from pumphouse.errors import Unavailable

Unheard = Callable[[str, str], None]
"""Called with the correlation id and the type of what was sent and no queue took."""


async def open_outlet(address: BrokerAddress, name: str, on_unheard: Unheard) -> Outlet:
    """Raises Unavailable."""
    connection = PikaConnection(asyncio.get_running_loop())
    await connection.connect(address, name)
    try:
        confirmed, plain = await connection.channel(), await connection.channel()
        outlet = PikaOutlet(connection, confirmed, plain, on_unheard)
        await connection.call(
            lambda done: confirmed.confirm_delivery(outlet.on_settled, callback=done)
        )
    except LinkLost as error:
        raise Unavailable(f"RabbitMQ at {address} went away: {error}") from error
    return outlet


async def open_inlet(address: BrokerAddress, name: str) -> Inlet:
    """Raises Unavailable."""
    connection = PikaConnection(asyncio.get_running_loop())
    await connection.connect(address, name)
    return PikaInlet(connection)


class _Unconfirmed(msgspec.Struct):
    done: asyncio.Future[None]
    message_id: str
    routing_key: str


class PikaOutlet:
    def __init__(
        self, connection: PikaConnection, confirmed: Any, plain: Any, on_unheard: Unheard
    ) -> None:
        self._connection = connection
        self._confirmed = confirmed
        self._plain = plain
        self._on_unheard = on_unheard
        self._loop = asyncio.get_running_loop()
        self._delivery_tag = 0
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._returned: set[tuple[str, str]] = set()
        self._held: list[tuple[Outgoing, asyncio.Future[None]]] = []
        self.is_blocked = False
        confirmed.add_on_return_callback(self._on_confirmed_returned)
        plain.add_on_return_callback(self._on_plain_returned)
        connection.when_blocked(self._on_blocked)
        connection.lost.add_done_callback(self._on_lost)

    @property
    def lost(self) -> asyncio.Future[str]:
        return self._connection.lost

    async def close(self) -> None:
        await self._connection.close()

    def publish(self, outgoing: Outgoing) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._confirmed.is_open:
            done.set_exception(LinkLost("closed"))
        elif self.is_blocked:
            self._held.append((outgoing, done))
        else:
            self._write(outgoing, done)
        return done

    def send(self, outgoing: Outgoing) -> None:
        if self._plain.is_open:
            self._plain.basic_publish(
                outgoing.exchange,
                outgoing.routing_key,
                outgoing.body,
                _properties(outgoing),
                outgoing.is_mandatory,
            )

    def on_settled(self, frame: Any) -> None:
        """The broker acknowledges or refuses one publish, or all up to one."""
        method = frame.method
        delivery_tag: int = method.delivery_tag
        is_stored = isinstance(method, Basic.Ack)
        if not method.multiple:
            self._settle(delivery_tag, is_stored)
            return
        # Delivery tags grow, and a dict keeps the order.
        for earlier in list(self._unconfirmed):
            if earlier > delivery_tag:
                break
            self._settle(earlier, is_stored)

    def _write(self, outgoing: Outgoing, done: asyncio.Future[None]) -> None:
        self._delivery_tag += 1
        self._unconfirmed[self._delivery_tag] = _Unconfirmed(
            done, outgoing.message_id, outgoing.routing_key
        )
        self._confirmed.basic_publish(
            outgoing.exchange,
            outgoing.routing_key,
            outgoing.body,
            _properties(outgoing),
            outgoing.is_mandatory,
        )

    def _settle(self, delivery_tag: int, is_stored: bool) -> None:
        unconfirmed = self._unconfirmed.pop(delivery_tag)
        done = unconfirmed.done
        is_returned = False
        if self._returned:
            key = (unconfirmed.message_id, unconfirmed.routing_key)
            is_returned = key in self._returned
            self._returned.discard(key)
        if done.done():
            return
        if is_returned:
            done.set_exception(Unavailable(f"No queue takes {unconfirmed.routing_key}."))
        elif is_stored:
            done.set_result(None)
        else:
            done.set_exception(
                Unavailable(
                    f"A queue for {unconfirmed.routing_key} is full. Try again in a moment."
                )
            )

    def _on_confirmed_returned(self, _: Any, method: Any, properties: Any, __: bytes) -> None:
        # The broker confirms what it returns, and does so afterwards.
        self._returned.add((properties.message_id, method.routing_key))

    def _on_plain_returned(self, _: Any, __: Any, properties: Any, ___: bytes) -> None:
        if properties.correlation_id is not None:
            self._on_unheard(properties.correlation_id, properties.type or "")

    def _on_blocked(self, is_blocked: bool) -> None:
        self.is_blocked = is_blocked
        if not is_blocked:
            held, self._held = self._held, []
            for outgoing, done in held:
                if not done.done():
                    self._write(outgoing, done)

    def _on_lost(self, lost: asyncio.Future[str]) -> None:
        waiting = [each.done for each in self._unconfirmed.values()]
        for done in (*waiting, *(done for _, done in self._held)):
            if not done.done():
                done.set_exception(LinkLost(lost.result()))
        self._unconfirmed.clear()
        self._held.clear()


class PikaSource:
    def __init__(self, connection: PikaConnection, channel: Any) -> None:
        self._connection = connection
        self._channel = channel
        self.consumer_tag = ""

    @property
    def is_open(self) -> bool:
        return bool(self._channel.is_open)

    def ack(self, delivery_tag: int) -> None:
        if self._channel.is_open:
            self._channel.basic_ack(delivery_tag)

    def requeue(self, delivery_tag: int) -> None:
        if self._channel.is_open:
            self._channel.basic_nack(delivery_tag, requeue=True)

    async def cancel(self) -> None:
        if self._channel.is_open:
            await self._connection.call(
                lambda done: self._channel.basic_cancel(self.consumer_tag, callback=done)
            )

    def close(self) -> None:
        if self._channel.is_open:
            self._channel.close()


class PikaInlet:
    def __init__(self, connection: PikaConnection) -> None:
        self._connection = connection

    @property
    def lost(self) -> asyncio.Future[str]:
        return self._connection.lost

    async def close(self) -> None:
        await self._connection.close()

    async def declare_own(
        self, queue: str, bindings: Sequence[tuple[str, str]], *, max_length: int
    ) -> None:
        call, channel = self._connection.call, await self._connection.channel()
        await call(
            lambda done: channel.queue_declare(
                queue, exclusive=True, arguments={"x-max-length": max_length}, callback=done
            )
        )
        for exchange, pattern in bindings:
            bind = partial(channel.queue_bind, queue, exchange, pattern)
            await call(partial(_with_callback, bind))
        channel.close()

    async def consume(
        self,
        queue: str,
        on_message: Callable[[Source, Incoming], None],
        *,
        prefetch: int = 0,
        is_acknowledged: bool = True,
        on_cancelled: Callable[[], None] = lambda: None,
    ) -> Source:
        call, channel = self._connection.call, await self._connection.channel()
        channel.add_on_cancel_callback(lambda _: on_cancelled())
        await call(lambda done: channel.basic_qos(prefetch_count=prefetch, callback=done))
        source = PikaSource(self._connection, channel)

        def consume(done: Callable[[Any], None]) -> None:
            source.consumer_tag = channel.basic_consume(
                queue,
                lambda _, method, properties, body: on_message(
                    source, _incoming(method, properties, body)
                ),
                auto_ack=not is_acknowledged,
                callback=done,
            )

        await call(consume)
        return source


def _with_callback(method: Callable[..., object], done: Callable[[Any], None]) -> None:
    method(callback=done)


def _properties(outgoing: Outgoing) -> BasicProperties:
    return BasicProperties(
        content_type="application/json",
        headers=outgoing.headers,
        delivery_mode=2 if outgoing.is_persistent else 1,
        correlation_id=outgoing.correlation_id,
        reply_to=outgoing.reply_to,
        expiration=None if outgoing.expires_ms is None else str(outgoing.expires_ms),
        message_id=outgoing.message_id,
        timestamp=int(time.time()),
        type=outgoing.type,
    )


def _incoming(method: Any, properties: Any, body: bytes) -> Incoming:
    return Incoming(
        body=body,
        routing_key=method.routing_key,
        delivery_tag=method.delivery_tag,
        is_redelivered=method.redelivered,
        type=properties.type,
        message_id=properties.message_id,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        headers=properties.headers or {},
    )
