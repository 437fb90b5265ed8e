"""What the topology is called in RabbitMQ, and with which arguments it is declared."""

from typing import Any, Final

from pumphouse.bus.consuming import MAX_INTERRUPTIONS
from pumphouse.bus.topology import DEAD, Queue

Arguments = dict[str, Any]

DEAD_LETTERS: Final = "pumphouse.dead-letters"
"""Queue with a copy of every dead letter, for people to look at; the newest ones are kept."""

DELIVERIES: Final = "x-deliveries"
"""Header of a retry: how often the message was delivered before."""

ROUTING_KEY: Final = "x-routing-key"
"""Header of a retry: the key that the message was published with."""

REASON: Final = "x-reason"
QUEUE: Final = "x-queue"
"""Headers of a dead letter: why it is one, and where it was."""

DELIVERY_COUNT: Final = "x-delivery-count"
FIRST_DEATH_REASON: Final = "x-first-death-reason"
"""Headers that the broker sets."""

_REQUEST_QUEUE_EXPIRES_MS = 60_000
_DELIVERY_LIMIT = 2 * MAX_INTERRUPTIONS


def durable_arguments(queue: Queue) -> Arguments:
    """The delivery limit is a second fence: our own consumer gives up earlier, with a reason."""
    arguments = _quorum(queue.max_length)
    arguments["x-delivery-limit"] = _DELIVERY_LIMIT
    if queue.is_single_active:
        arguments["x-single-active-consumer"] = True
    if queue.takes_dead:
        # Not through DEAD: what cannot be handled here would come back here for ever.
        return {**arguments, **_dead_letters_to("", DEAD_LETTERS)}
    return {**arguments, **_dead_letters_to(DEAD)}


def retry_name(delay_s: float) -> str:
    """Name of the fanout exchange, and of its queue, where messages rest for `delay_s`."""
    return f"pumphouse.retry.{round(delay_s * 1000)}ms"


def retry_arguments(delay_s: float) -> Arguments:
    """After the rest, the routing key (the name of a queue) leads back through exchange ''."""
    return (
        _quorum(Queue.max_length) | {"x-message-ttl": round(delay_s * 1000)} | _dead_letters_to("")
    )


def dead_letters_arguments() -> Arguments:
    return {**_quorum(Queue.max_length), "x-overflow": "drop-head"}


def request_arguments() -> Arguments:
    """Request queues go with their last consumer, also where a restart interfered."""
    return {"x-expires": _REQUEST_QUEUE_EXPIRES_MS}


def _quorum(max_length: int) -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-max-length": max_length,
        "x-overflow": "reject-publish",
    }


def _dead_letters_to(exchange: str, routing_key: str | None = None) -> Arguments:
    arguments: Arguments = {
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
    }
    if routing_key is not None:
        arguments["x-dead-letter-routing-key"] = routing_key
    return arguments
