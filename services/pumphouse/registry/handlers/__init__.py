"""What the registry does about each message."""

from pumphouse.registry.handlers.builds import BuildHandlers
from pumphouse.registry.handlers.definitions import DefinitionHandlers
from pumphouse.registry.handlers.events import EventHandlers
from pumphouse.registry.handlers.metrics import MetricHandlers
from pumphouse.registry.handlers.pod_logs import PodLogHandlers
from pumphouse.registry.handlers.records import RecordHandlers
from pumphouse.registry.handlers.samples import SampleHandlers

__all__ = [
    "BuildHandlers",
    "DefinitionHandlers",
    "EventHandlers",
    "MetricHandlers",
    "PodLogHandlers",
    "RecordHandlers",
    "SampleHandlers",
]
