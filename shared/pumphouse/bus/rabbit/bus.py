"""The bus over RabbitMQ."""

import asyncio
import logging
import uuid
from typing import Any, cast

import uuid_utils

from pumphouse.bus.answering import no_answer, nobody_serves, raise_refused
from pumphouse.bus.consuming import Consumer
from pumphouse.bus.interface import Handlers, R, RequestHandlers, Subscription
from pumphouse.bus.rabbit.address import parse_address
from pumphouse.bus.rabbit.declaring import Declarations
from pumphouse.bus.rabbit.link import Incoming, Inlet, LinkLost, Outgoing, Outlet, Source
from pumphouse.bus.rabbit.pika_link import open_inlet, open_outlet
from pumphouse.bus.rabbit.session import Session
from pumphouse.bus.rabbit.subscriptions import Attached, Consuming, Listening, Serving
from pumphouse.bus.replies import Replies
from pumphouse.bus.topology import (
    REQUESTS,
    STATIC_QUEUES,
    Queue,
    exchange_of,
    is_announcement,
    routing_key,
)
from pumphouse.contracts.codec import decode, encode
from pumphouse.contracts.message import Message, Request, RequestRefused, tag_of
from pumphouse.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT_S = 10.0

_START_PAUSE_S = 0.25


class RabbitBus:
    """A Bus on two connections: a broker that is short of memory stops reading the one that
    publishes, and the other must still be able to acknowledge.
    """

    def __init__(self, amqp_url: str, name: str) -> None:
        self._name = name
        self._address = parse_address(amqp_url)
        self._declarations = Declarations(self._address, name)
        self._replies = Replies()
        self._reply_address = _reply_address(name)
        self._declared: dict[str, Queue] = {queue.name: queue for queue in STATIC_QUEUES}
        self._attached: list[Attached] = []
        self._outbound: Session[Outlet] = Session(self._open_outlet)
        self._inbound: Session[Inlet] = Session(self._open_inlet, on_lost=self._on_inlet_lost)

    @classmethod
    async def open(cls, amqp_url: str, name: str, *, start_timeout_s: float) -> "RabbitBus":
        """A connected bus. Raises Invalid for a bad URL, Unavailable when nobody answers there."""
        bus = cls(amqp_url, name)
        deadline = asyncio.get_running_loop().time() + start_timeout_s
        while True:
            try:
                await bus._outbound.start()
                await bus._inbound.start()
            except (Unavailable, LinkLost) as error:
                if asyncio.get_running_loop().time() >= deadline:
                    await bus.close()
                    raise Unavailable(str(error)) from error
            except BaseException:
                await bus.close()
                raise
            else:
                return bus
            await asyncio.sleep(_START_PAUSE_S)

    @property
    def reply_address(self) -> str:
        return self._reply_address

    async def publish(
        self,
        message: Message,
        *,
        partition: str = "",
        correlation_id: str | None = None,
        reply_to: str | None = None,
        message_id: str | None = None,
    ) -> None:
        kind = type(message)
        await self._store(
            Outgoing(
                exchange=exchange_of(kind),
                routing_key=routing_key(kind, partition),
                body=encode(message),
                type=tag_of(kind),
                message_id=message_id or str(uuid_utils.uuid7()),
                correlation_id=correlation_id,
                reply_to=reply_to,
                is_mandatory=not is_announcement(kind),
            )
        )

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None:
        outlet = self._outbound.current
        if outlet is None or outlet.is_blocked:
            return
        outlet.send(
            Outgoing(
                exchange="",
                routing_key=to,
                body=encode(message),
                type=tag_of(type(message)),
                message_id=str(uuid_utils.uuid7()),
                correlation_id=correlation_id,
                is_persistent=False,
                is_mandatory=False,
            )
        )

    def expect(self, correlation_id: str) -> asyncio.Future[Message]:
        return self._replies.expect(correlation_id)

    async def request(self, request: Request[R], *, timeout: float = 10) -> R:
        kind = type(request)
        correlation_id = str(uuid_utils.uuid7())
        expected = self._replies.expect(correlation_id)
        try:
            async with asyncio.timeout(timeout):
                outlet = await self._outbound.ready()
                outlet.send(self._outgoing_request(request, correlation_id, timeout))
                reply = await expected
        except TimeoutError as error:
            raise no_answer(tag_of(kind), timeout) from error
        finally:
            expected.cancel()
        if isinstance(reply, RequestRefused):
            raise_refused(reply)
        return cast(R, reply)

    async def serve(self, queue: Queue, handlers: RequestHandlers) -> Subscription:
        serving = Serving(queue, handlers, self._declarations, self._send_reply, self._forget)
        return await self._attach(serving)

    async def declare(self, queue: Queue) -> None:
        await self._declarations.declare(queue)
        self._declared[queue.name] = queue

    async def consume(self, queue: Queue, handlers: Handlers) -> Subscription:
        consumer = Consumer(queue, handlers)
        if not queue.is_durable:
            return await self._attach(Listening(consumer, self._name, self._store, self._forget))
        return await self._attach(
            Consuming(consumer, self._declarations, self._store, self._forget)
        )

    async def delete(self, queue: Queue) -> None:
        self._declared.pop(queue.name, None)
        await self._declarations.delete(queue)

    async def close(self) -> None:
        await asyncio.gather(*(attached.cancel() for attached in list(self._attached)))
        await self._inbound.close()
        await self._outbound.close()
        self._replies.fail_all(Unavailable("The bus is closed."))

    async def _store(self, outgoing: Outgoing) -> None:
        """Publish, again on every new connection, until the broker has confirmed."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                while True:
                    outlet = self._outbound.current or await self._outbound.ready()
                    try:
                        await outlet.publish(outgoing)
                    except LinkLost:
                        continue
                    return
        except TimeoutError as error:
            raise Unavailable(
                f"RabbitMQ at {self._address} did not confirm within {PUBLISH_TIMEOUT_S:g} s."
            ) from error

    def _outgoing_request(
        self, request: Request[Any], correlation_id: str, timeout: float
    ) -> Outgoing:
        tag = tag_of(type(request))
        return Outgoing(
            exchange=REQUESTS,
            routing_key=tag,
            body=encode(request),
            type=tag,
            message_id=correlation_id,
            correlation_id=correlation_id,
            reply_to=self._reply_address,
            is_persistent=False,
            expires_ms=round(timeout * 1000),
        )

    async def _send_reply(self, message: Message, to: str, correlation_id: str) -> None:
        await self.reply(message, to=to, correlation_id=correlation_id)

    async def _attach(self, attached: Attached) -> Subscription:
        while True:
            inlet = await self._inbound.ready()
            try:
                await attached.attach(inlet)
            except LinkLost as error:
                log.warning("Consuming did not start: %s", error)
                continue
            self._attached.append(attached)
            return attached

    def _forget(self, attached: Attached) -> None:
        if attached in self._attached:
            self._attached.remove(attached)

    async def _open_outlet(self) -> Outlet:
        await self._declarations.declare_all(self._declared.values())
        return await open_outlet(self._address, f"{self._name} (publishes)", self._on_unheard)

    async def _open_inlet(self) -> Inlet:
        await self._declarations.declare_all(self._declared.values())
        inlet = await open_inlet(self._address, f"{self._name} (consumes)")
        try:
            await self._attach_all(inlet)
        except BaseException:
            await inlet.close()
            raise
        return inlet

    async def _attach_all(self, inlet: Inlet) -> None:
        try:
            await inlet.declare_own(self._reply_address, (), max_length=Queue.max_length)
        except LinkLost:
            # The broker may still hold the old queue for the lost connection.
            self._reply_address = _reply_address(self._name)
            raise
        await inlet.consume(self._reply_address, self._on_reply, is_acknowledged=False)
        for attached in list(self._attached):
            await attached.attach(inlet)

    def _on_inlet_lost(self) -> None:
        for attached in self._attached:
            attached.detach()

    def _on_reply(self, _: Source, incoming: Incoming) -> None:
        try:
            reply = decode(incoming.body)
        except Invalid as error:
            log.warning("A reply cannot be read: %s", error)
            return
        if incoming.correlation_id is not None:
            self._replies.resolve(incoming.correlation_id, reply)

    def _on_unheard(self, correlation_id: str, tag: str) -> None:
        self._replies.fail(correlation_id, nobody_serves(tag))


def _reply_address(name: str) -> str:
    return f"pumphouse.replies.{name}.{uuid.uuid4()}"
