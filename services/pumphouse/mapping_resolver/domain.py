"""From an accepted trigger to the plan of its execution."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pumphouse.contracts.catalog import Deployment, Pipeline, PipelineInput, Variable
from pumphouse.contracts.executions import (
    PlannedInput,
    PlannedOutput,
    PlanResolved,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    NullValue,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.vocabulary import Mode
from pumphouse.errors import Invalid
from pumphouse.mapping import check, fill_in, memory_of


def resolve(
    trigger: TriggerAccepted,
    pipeline: Pipeline,
    deployment: Deployment | None,
    variables: Mapping[str, Variable],
) -> PlanResolved:
    """The plan of the trigger's execution; the same for every delivery of the trigger.

    deployment: None for a run. variables: the environment variables of now, by name.
    Raises Invalid that names every input and output which cannot be resolved.
    """
    inputs, faults = _planned_inputs(trigger, pipeline, variables)
    outputs, output_faults = _planned_outputs(trigger, pipeline)
    if faults or output_faults:
        raise Invalid(" ".join([*faults, *output_faults]))
    return PlanResolved(
        execution_id=trigger.execution_id,
        attempt=trigger.attempt,
        pipeline_id=pipeline.id,
        deployment_id=trigger.deployment_id,
        mode=Mode.ELASTIC if deployment is None else deployment.mode,
        code=pipeline.code,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        timeout_s=None if deployment is None else deployment.execution_timeout_s,
        memory_bytes=memory_of(deployment),
        catalog_revision=trigger.catalog_revision,
    )


def _planned_inputs(
    trigger: TriggerAccepted, pipeline: Pipeline, variables: Mapping[str, Variable]
) -> tuple[list[PlannedInput], list[str]]:
    sources = {item.input: item.source for item in trigger.mapping.inputs}
    planned, faults = [], []
    for declared in pipeline.inputs:
        try:
            source = sources.get(declared.name)
            planned.append(_planned(declared, source, trigger, variables))
        except Invalid as error:
            faults.append(f"Input {declared.name!r}: {error.message}.")
    return planned, faults


def _planned_outputs(
    trigger: TriggerAccepted, pipeline: Pipeline
) -> tuple[list[PlannedOutput], list[str]]:
    destinations = {item.output: item.destination for item in trigger.mapping.outputs}
    planned, faults = [], []
    for declared in pipeline.outputs:
        if (destination := destinations.get(declared.name)) is None:
            faults.append(f"Output {declared.name!r}: its mapping has no destination.")
            continue
        try:
            filled_in = _filled_in(destination, trigger.execution_id, trigger.accepted_at)
        except Invalid as error:
            faults.append(f"Output {declared.name!r}: {error.message}.")
            continue
        planned.append(
            PlannedOutput(name=declared.name, data_type=declared.data_type, destination=filled_in)
        )
    return planned, faults


def _planned(
    declared: PipelineInput,
    source: AnySource | None,
    trigger: TriggerAccepted,
    variables: Mapping[str, Variable],
) -> PlannedInput:
    value, sealed, reference = None, None, None
    match source:
        case None:
            raise Invalid("its mapping has no source")
        case Constant():
            value, reference = source.value, source.reference
        case EndpointValue(name=name) | RunValue(name=name) if name in trigger.files:
            reference = trigger.files[name]
        case EndpointValue() | RunValue():
            value = _given(declared, source, trigger.inputs)
        case EnvironmentVariable(name=name) if name in variables:
            sealed = variables[name].sealed
        case EnvironmentVariable(name=name):
            raise Invalid(f"there is no environment variable {name!r}; create it or map the input")
        case StoredFile() | NullValue():
            pass
    check(declared.data_type, value)
    return PlannedInput(
        name=declared.name,
        data_type=declared.data_type,
        source=source,
        value=value,
        sealed=sealed,
        reference=reference,
    )


def _given(
    declared: PipelineInput, source: EndpointValue | RunValue, given: Mapping[str, Any]
) -> Any:
    if source.name in given:
        return given[source.name]
    if isinstance(source, EndpointValue) and source.default is not msgspec.UNSET:
        return source.default
    return None if declared.default is msgspec.UNSET else declared.default


def _filled_in(destination: AnyDestination, execution_id: str, moment: datetime) -> AnyDestination:
    if not isinstance(destination, FileTarget):
        return destination
    return FileTarget(path=fill_in(destination.path, execution_id, moment))
