"""Events of many executions, sorted so that each kind is stored by one statement."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from uuid import UUID

from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionLogged,
    ExecutionStarted,
    LogLine,
    TriggerAccepted,
)
from pumphouse.errors import Invalid

Event: TypeAlias = TriggerAccepted | ExecutionStarted | ExecutionLogged | ExecutionFinished

E = TypeVar("E", TriggerAccepted, ExecutionStarted, ExecutionFinished)


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A log line with the place that tells it from every other line."""

    execution_id: UUID
    attempt: int
    position: int
    line: LogLine


@dataclass(frozen=True)
class Batch:
    """At most one trigger, start and end for each execution, and any number of lines."""

    triggers: dict[UUID, TriggerAccepted] = field(default_factory=dict)
    starts: dict[UUID, ExecutionStarted] = field(default_factory=dict)
    ends: dict[UUID, ExecutionFinished] = field(default_factory=dict)
    lines: list[PlacedLine] = field(default_factory=list)

    @property
    def ids(self) -> set[UUID]:
        placed = {placed.execution_id for placed in self.lines}
        return {*self.triggers, *self.starts, *self.ends, *placed}


def identified(event: Event) -> UUID:
    """The execution that an event is about. Raises Invalid when its id is none."""
    try:
        return UUID(event.execution_id)
    except ValueError as error:
        raise Invalid(f"{event.execution_id!r} is no id of an execution: not a UUID.") from error


def gathered(events: Iterable[Event]) -> Batch:
    """Sort events by kind. Of two of a kind for one execution the higher attempt counts."""
    batch = Batch()
    for event in events:
        identifier = identified(event)
        match event:
            case TriggerAccepted():
                _keep_latest(batch.triggers, identifier, event)
            case ExecutionStarted():
                _keep_latest(batch.starts, identifier, event)
            case ExecutionFinished():
                _keep_latest(batch.ends, identifier, event)
                batch.lines.extend(_placed(identifier, event))
            case ExecutionLogged():
                batch.lines.extend(_placed(identifier, event))
    return batch


def _keep_latest(kept: dict[UUID, E], identifier: UUID, event: E) -> None:
    earlier = kept.get(identifier)
    if earlier is None or earlier.attempt < event.attempt:
        kept[identifier] = event


def _placed(identifier: UUID, event: ExecutionLogged | ExecutionFinished) -> Iterable[PlacedLine]:
    for position, line in enumerate(event.lines, start=event.position):
        yield PlacedLine(identifier, event.attempt, position, line)
