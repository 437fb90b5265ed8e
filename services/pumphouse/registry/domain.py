"""What the registry decides: pure rules about executions and deployments."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

import msgspec

from pumphouse.contracts.builds import BuildFinished
from pumphouse.contracts.catalog import Deployment, Pipeline
from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlannedInput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import AnySource, Constant, EndpointValue, RunValue
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DeploymentStatus, Mode, PipelineStatus, Status

MAX_STARTED_ATTEMPTS = 3
"""An execution whose executor was lost so often is given up."""

YOUNG_S = 5.0
"""So long the record of an accepted trigger may lag behind its answer."""


class Stage(IntEnum):
    """How far an execution has come."""

    KNOWN = 1
    STARTED = 2
    ENDED = 3


def stage_of(status: Status) -> Stage:
    if status.is_terminal:
        return Stage.ENDED
    return Stage.STARTED if status is Status.RUNNING else Stage.KNOWN


def parsed_ids(execution_ids: Iterable[str]) -> list[UUID]:
    """Those of the ids that can be ids of executions at all."""
    parsed = []
    for execution_id in execution_ids:
        with suppress(ValueError):
            parsed.append(UUID(execution_id))
    return parsed


def is_young(identifier: UUID, now: datetime) -> bool:
    """Whether the id says that it was made a moment ago; only a UUIDv7 does."""
    if identifier.version != 7:
        return False
    made_at_ms = identifier.int >> 80
    return abs(now.timestamp() * 1000 - made_at_ms) < YOUNG_S * 1000


@dataclass(frozen=True)
class Unfinished:
    """An execution without an end.

    has_started: whether an executor said that it runs the recorded attempt.
    """

    trigger: TriggerAccepted
    attempt: int
    has_started: bool


def next_step(execution: Unfinished, now: datetime) -> TriggerAccepted | ExecutionFinished:
    """What to publish for an execution whose executor is gone: another attempt, or its end."""
    if not execution.has_started:
        return msgspec.structs.replace(execution.trigger, attempt=execution.attempt)
    if execution.attempt >= MAX_STARTED_ATTEMPTS:
        return ExecutionFinished(
            execution_id=execution.trigger.execution_id,
            attempt=execution.attempt,
            status=Status.ERROR,
            finished_at=now,
            error=f"executor lost: the execution was started {execution.attempt} times, and"
            " each time its executor stopped before the end.",
        )
    return msgspec.structs.replace(execution.trigger, attempt=execution.attempt + 1)


def abandoned(execution_id: str, attempt: int, reference: str, now: datetime) -> ExecutionFinished:
    """The end of an execution that the platform could not carry on."""
    return ExecutionFinished(
        execution_id=execution_id,
        attempt=attempt,
        status=Status.ERROR,
        finished_at=now,
        error=f"The platform could not carry on this execution (reference {reference}).",
    )


def expected_inputs(trigger: TriggerAccepted, pipeline: Pipeline) -> tuple[PlannedInput, ...]:
    """The inputs of an execution that has not started: no value yet where it is read later."""
    declared = {item.name: item for item in pipeline.inputs}
    return tuple(
        PlannedInput(
            name=mapped.input,
            data_type=item.data_type,
            source=mapped.source,
            value=_given(mapped.source, trigger, item.default),
            reference=_kept(mapped.source, trigger),
        )
        for mapped in trigger.mapping.inputs
        if (item := declared.get(mapped.input)) is not None
    )


def _given(source: AnySource, trigger: TriggerAccepted, declared_default: object) -> object:
    match source:
        case Constant(value=value):
            return value
        case EndpointValue(name=name, default=default) if name not in trigger.inputs:
            value = declared_default if default is msgspec.UNSET else default
        case EndpointValue(name=name) | RunValue(name=name):
            value = trigger.inputs.get(name, declared_default)
        case _:
            return None
    return None if value is msgspec.UNSET else value


def _kept(source: AnySource, trigger: TriggerAccepted) -> Reference | None:
    match source:
        case Constant(reference=reference):
            return reference
        case EndpointValue(name=name) | RunValue(name=name):
            return trigger.files.get(name)
        case _:
            return None


def expected_outputs(trigger: TriggerAccepted, pipeline: Pipeline) -> tuple[ProducedOutput, ...]:
    """The outputs of an execution that has not started, without values."""
    types = {item.name: item.data_type for item in pipeline.outputs}
    return tuple(
        ProducedOutput(
            name=mapped.output,
            data_type=types[mapped.output],
            destination=mapped.destination,
        )
        for mapped in trigger.mapping.outputs
        if mapped.output in types
    )


def created(wanted: Deployment) -> Deployment:
    """A new deployment with the status that it begins with."""
    if not wanted.is_enabled:
        status = DeploymentStatus.DISABLED
    elif wanted.mode is Mode.LOW_LATENCY:
        status = DeploymentStatus.PENDING
    else:
        status = DeploymentStatus.UP
    return msgspec.structs.replace(wanted, status=status, status_message=None, pods=())


def revised(stored: Deployment, wanted: Deployment) -> Deployment:
    """`wanted` in place of `stored`: status and pods stay, but for enabling and disabling."""
    if wanted.is_enabled and not stored.is_enabled:
        return created(wanted)
    return msgspec.structs.replace(
        wanted,
        status=stored.status if wanted.is_enabled else DeploymentStatus.DISABLED,
        status_message=stored.status_message,
        pods=stored.pods,
    )


def reported(stored: Deployment, report: PodReported) -> Deployment:
    """`stored` with what an executor says about its pods; a disabled one stays disabled."""
    return msgspec.structs.replace(
        stored,
        status=report.status if stored.is_enabled else DeploymentStatus.DISABLED,
        status_message=report.message,
        pods=report.pods,
    )


def built(stored: Pipeline, end: BuildFinished) -> Pipeline:
    """`stored` with what became of it; only one that waits for its build changes."""
    if stored.status is not PipelineStatus.PENDING or end.status is PipelineStatus.PENDING:
        return stored
    code = msgspec.structs.replace(
        stored.code,
        archive=end.archive or stored.code.archive,
        environment=end.environment,
        image=end.image,
    )
    return msgspec.structs.replace(
        stored,
        status=end.status,
        status_message=end.message,
        commit_id=end.commit_id,
        deploy_key=None,
        code=code,
    )


def unbuildable(pipeline_id: str, reference: str) -> BuildFinished:
    """The end of a build that no executor could carry out."""
    return BuildFinished(
        pipeline_id=pipeline_id,
        status=PipelineStatus.FAILED,
        message=f"The platform could not build the environment (reference {reference}).",
    )


def quoted(names: Iterable[str]) -> str:
    """Names as a sentence lists them, quoted."""
    return ", ".join(repr(name) for name in sorted(names))
