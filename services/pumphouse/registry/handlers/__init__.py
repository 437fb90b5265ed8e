"""What the registry does about each message."""

from pumphouse.registry.handlers.definitions import DefinitionHandlers
from pumphouse.registry.handlers.events import EventHandlers
from pumphouse.registry.handlers.records import RecordHandlers

__all__ = [
    "DefinitionHandlers",
    "EventHandlers",
    "RecordHandlers",
]
