"""How services talk: one interface, two transports."""

from pumphouse.bus.interface import (
    Bus,
    Envelope,
    Handler,
    Handlers,
    RequestHandler,
    RequestHandlers,
    Subscription,
)
from pumphouse.bus.opening import open_bus
from pumphouse.bus.topology import Binding, Queue

__all__ = [
    "Binding",
    "Bus",
    "Envelope",
    "Handler",
    "Handlers",
    "Queue",
    "RequestHandler",
    "RequestHandlers",
    "Subscription",
    "open_bus",
]
