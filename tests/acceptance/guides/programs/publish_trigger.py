"""A foreign program: publishes bodies as triggers, one after another, and prints the reply to each.

    publish_trigger.py AMQP_URL BODY...

It knows aio-pika and JSON, and nothing of the platform but what the guide says. A body that begins
with `!` gets no reply, and is not waited for.
"""

import asyncio
import sys
import uuid

import aio_pika


async def main(amqp_url: str, *bodies: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        replies = await channel.declare_queue(exclusive=True)
        triggers = await channel.get_exchange("pumphouse.triggers", ensure=False)
        async with replies.iterator(timeout=60) as incoming:
            for body in bodies:
                message = aio_pika.Message(
                    body.removeprefix("!").encode(),
                    message_id=str(uuid.uuid4()),
                    correlation_id=str(uuid.uuid4()),
                    reply_to=replies.name,
                )
                await triggers.publish(message, routing_key="trigger.requested.v1")
                if body.startswith("!"):
                    continue
                reply = await anext(incoming)
                await reply.ack()
                assert reply.correlation_id == message.correlation_id
                print(reply.body.decode())


asyncio.run(main(*sys.argv[1:]))
