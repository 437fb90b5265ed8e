"""The life of one execution, from the wish to the end."""

from datetime import datetime
from typing import Any

import msgspec

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.mappings import AnyDestination, AnySource, Mapping
from pumphouse.contracts.message import Message
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Mode, Origin, Status


class TriggerRequested(Message, frozen=True, kw_only=True, tag="trigger.requested.v1"):
    """Another service wants an execution of a deployment. Anyone may publish it.

    deployment: its name. inputs: values by endpoint input name.
    execution_id: a UUID that makes a repeated publish harmless; without it the message id serves,
    and without that each delivery is an execution of its own.
    """

    deployment: str
    inputs: dict[str, Any] = {}
    execution_id: str | None = None


class TriggerRefused(Message, frozen=True, kw_only=True, tag="trigger.refused.v1"):
    """The answer to a TriggerRequested that starts nothing."""

    code: str
    message: str


class TriggerAccepted(Message, frozen=True, kw_only=True, tag="trigger.accepted.v1"):
    """A checked trigger. Once its publish is confirmed, the execution reaches a terminal status.

    inputs, files: by the name that the caller uses (endpoint input name, or input name of a run).
    mapping: complete, as it was when the trigger was accepted.
    accepted_by: id of the user that the execution is recorded for.
    catalog_revision: what the resolver must have seen before it resolves this.
    attempt: 1, and one more each time the registry issues the trigger again.
    """

    execution_id: str
    origin: Origin
    pipeline_id: str
    deployment_id: str | None = None
    inputs: dict[str, Any] = {}
    files: dict[str, Reference] = {}
    mapping: Mapping
    accepted_at: datetime
    accepted_by: str
    catalog_revision: int
    attempt: int = 1


class PlannedInput(msgspec.Struct, frozen=True, kw_only=True):
    """One input with its value, which is None for a file.

    sealed: a secret value, as text that is still to be parsed. reference: where the value is kept,
    the bytes of a file or the JSON of what is too large to travel. A file of the data store has
    neither: its source says where it is.
    """

    name: str
    data_type: DataType
    source: AnySource
    value: Any = None
    sealed: str | None = None
    reference: Reference | None = None


class PlannedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One output and its destination, all patterns in it filled in."""

    name: str
    data_type: DataType
    destination: AnyDestination


class PlanResolved(Message, frozen=True, kw_only=True, tag="plan.resolved.v1"):
    """All that an executor needs for one execution.

    timeout_s: longest run in seconds; memory_bytes: most memory; None for what is usual there.
    catalog_revision: what the executor must have seen before it starts (variables, deployments).
    """

    execution_id: str
    attempt: int = 1
    pipeline_id: str
    deployment_id: str | None = None
    mode: Mode
    code: Code
    inputs: tuple[PlannedInput, ...] = ()
    outputs: tuple[PlannedOutput, ...] = ()
    timeout_s: int | None = None
    memory_bytes: int | None = None
    catalog_revision: int


class ExecutionStarted(Message, frozen=True, kw_only=True, tag="execution.started.v1"):
    """An executor runs the function. Left out when the end follows within moments."""

    execution_id: str
    attempt: int = 1
    started_at: datetime
    inputs: tuple[PlannedInput, ...] = ()
    outputs: tuple[PlannedOutput, ...] = ()


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that user code wrote; stream is `stdout` or `stderr`."""

    at: datetime
    stream: str
    text: str


class ExecutionLogged(Message, frozen=True, kw_only=True, tag="execution.logged.v1"):
    """Lines in the order they were written.

    position: number of lines of this attempt before the first of these.
    """

    execution_id: str
    attempt: int = 1
    position: int
    lines: tuple[LogLine, ...]


class ProducedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One output with the value that the function returned for it, which is None for a file.

    reference: where the value is kept, the bytes of a file or the JSON of what is too large to
    travel. written: size in bytes of the file that was written to the data store; None when none
    was, because the function returned None for it.
    """

    name: str
    data_type: DataType
    destination: AnyDestination
    value: Any = None
    reference: Reference | None = None
    written: int | None = None


class ExecutionFinished(Message, frozen=True, kw_only=True, tag="execution.finished.v1"):
    """The end of an attempt: an event for the registry, a reply to whoever triggered it.

    status: terminal. outputs: only when Succeeded. error: what a data scientist reads, or None.
    lines: the log lines that no ExecutionLogged carried, the first at `position`.
    """

    execution_id: str
    attempt: int = 1
    status: Status
    started_at: datetime | None = None
    finished_at: datetime
    inputs: tuple[PlannedInput, ...] = ()
    outputs: tuple[ProducedOutput, ...] = ()
    error: str | None = None
    position: int = 0
    lines: tuple[LogLine, ...] = ()
