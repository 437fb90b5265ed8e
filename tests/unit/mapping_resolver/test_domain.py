from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from pumphouse.contracts.catalog import Pipeline, Variable
from pumphouse.contracts.executions import PlannedInput, PlanResolved, TriggerAccepted
from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    Constant,
    Dropped,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    InputMapping,
    Mapping,
    NullValue,
    OutputMapping,
    RunOutput,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Mode, Origin
from pumphouse.errors import Invalid
from pumphouse.mapping_resolver.domain import resolve
from tests.unit.mapping.samples import (
    DEPLOYMENT_ID,
    NOON,
    PIPELINE_ID,
    USER_ID,
    a_deployment,
    a_pipeline,
    an_input,
    an_output,
)

EXECUTION_ID = "01957a3a-0000-7000-8000-0000000000ee"
VARIABLES = {"RATE": Variable(name="RATE", sealed="sealed rate")}


def a_trigger(
    inputs: dict[str, AnySource] | None = None,
    outputs: dict[str, AnyDestination] | None = None,
    *,
    given: dict[str, Any] | None = None,
    files: dict[str, Reference] | None = None,
    deployment_id: str | None = None,
    accepted_at: datetime = NOON,
    attempt: int = 1,
) -> TriggerAccepted:
    return TriggerAccepted(
        execution_id=EXECUTION_ID,
        origin=Origin.RUN,
        pipeline_id=PIPELINE_ID,
        deployment_id=deployment_id,
        inputs=given or {},
        files=files or {},
        mapping=Mapping(
            inputs=tuple(InputMapping(input=n, source=s) for n, s in (inputs or {}).items()),
            outputs=tuple(
                OutputMapping(output=n, destination=d) for n, d in (outputs or {}).items()
            ),
        ),
        accepted_at=accepted_at,
        accepted_by=USER_ID,
        catalog_revision=7,
        attempt=attempt,
    )


def the_input(
    source: AnySource, *, given: dict[str, Any] | None = None, default: Any = msgspec.UNSET
) -> PlannedInput:
    pipeline = a_pipeline(an_input("a", default=default))
    plan = resolve(a_trigger({"a": source}, given=given), pipeline, None, VARIABLES)
    return plan.inputs[0]


@pytest.mark.parametrize(
    ("source", "given", "pipeline_default", "value"),
    [
        (Constant(value=3), {"a": 9}, 8, 3),
        (NullValue(), {"a": 9}, 8, None),
        (RunValue(name="a"), {"a": 9}, 8, 9),
        (RunValue(name="a"), {"a": None}, 8, None),
        (RunValue(name="a"), {}, 8, 8),
        (RunValue(name="a"), {}, msgspec.UNSET, None),
        (EndpointValue(name="x"), {"x": 9, "a": 1}, 8, 9),
        (EndpointValue(name="x", default=5), {"x": 9}, 8, 9),
        (EndpointValue(name="x", default=5), {"x": None}, 8, None),
        (EndpointValue(name="x", default=5), {}, 8, 5),
        (EndpointValue(name="x", default=None), {}, 8, None),
        (EndpointValue(name="x"), {"a": 1}, 8, 8),
        (EndpointValue(name="x"), {}, msgspec.UNSET, None),
    ],
)
def test_each_source_gives_its_value(
    source: AnySource, given: dict[str, Any], pipeline_default: Any, value: Any
) -> None:
    planned = the_input(source, given=given, default=pipeline_default)
    assert planned == PlannedInput(name="a", data_type=DataType.NUMBER, source=source, value=value)


def test_an_environment_variable_stays_sealed() -> None:
    planned = the_input(EnvironmentVariable(name="RATE"))
    assert planned.sealed == "sealed rate"
    assert planned.value is None


def test_a_missing_variable_names_the_input_and_the_variable() -> None:
    with pytest.raises(Invalid) as refusal:
        the_input(EnvironmentVariable(name="GONE"))
    assert "Input 'a'" in refusal.value.message
    assert "'GONE'" in refusal.value.message


@pytest.mark.parametrize(
    ("source", "given"),
    [
        (RunValue(name="a"), {"a": "nine"}),
        (Constant(value=[]), {}),
        (EndpointValue(name="x", default=True), {}),
    ],
)
def test_what_cannot_be_resolved_names_the_input(source: AnySource, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="Input 'a'"):
        the_input(source, given=given)


PHOTO = Reference(key="e/inputs/0", size=5, name="photo.png")


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        (EndpointValue(name="x"), PHOTO),
        (RunValue(name="x"), PHOTO),
        (EndpointValue(name="photo"), None),
        (StoredFile(path="photos/a.png"), None),
        (NullValue(), None),
    ],
)
def test_each_source_of_a_file_says_where_it_is(
    source: AnySource, reference: Reference | None
) -> None:
    pipeline = a_pipeline(an_input("photo", DataType.FILE))
    trigger = a_trigger({"photo": source}, given={"photo": None}, files={"x": PHOTO})
    [planned] = resolve(trigger, pipeline, None, VARIABLES).inputs
    assert planned == PlannedInput(
        name="photo", data_type=DataType.FILE, source=source, reference=reference
    )


def test_a_value_is_no_file() -> None:
    pipeline = a_pipeline(an_input("photo", DataType.FILE))
    trigger = a_trigger({"photo": RunValue(name="photo")}, given={"photo": "a.png"})
    with pytest.raises(Invalid, match="Input 'photo': a file is expected"):
        resolve(trigger, pipeline, None, VARIABLES)


def test_a_constant_that_is_kept_elsewhere_travels_as_its_reference() -> None:
    kept = Reference(key="d/constants/0", size=9, sha256="0" * 64)
    planned = the_input(Constant(reference=kept))
    assert (planned.value, planned.reference) == (None, kept)


def test_every_fault_is_named_at_once() -> None:
    outputs = (an_output("c"), an_output("d", DataType.FILE))
    pipeline = a_pipeline(an_input("a"), an_input("b"), outputs=outputs)
    trigger = a_trigger({"a": EnvironmentVariable(name="GONE")}, {"d": FileTarget(path="..")})
    with pytest.raises(Invalid) as refusal:
        resolve(trigger, pipeline, None, VARIABLES)
    for named in ("Input 'a'", "Input 'b'", "Output 'c'", "Output 'd': the path '..'"):
        assert named in refusal.value.message


def plan_of(pipeline: Pipeline, destination: AnyDestination, moment: datetime) -> PlanResolved:
    trigger = a_trigger({}, {"sum": destination}, accepted_at=moment)
    return resolve(trigger, pipeline, None, {})


def test_patterns_of_a_path_are_filled_in_with_the_time_in_utc() -> None:
    pipeline = a_pipeline(outputs=(an_output("sum", DataType.FILE),))
    tokyo = datetime(2026, 1, 1, 8, 5, 9, tzinfo=timezone(timedelta(hours=9)))
    path = "{date}/{date_time}-{execution_id}-{date}-{}.csv"
    plan = plan_of(pipeline, FileTarget(path=path), tokyo)
    assert plan.outputs[0].destination == FileTarget(
        path=f"20251231/20251231_230509-{EXECUTION_ID}-20251231-{{}}.csv"
    )


@pytest.mark.parametrize("path", ["a//b", "{other}", "x" * 1020 + "{date}"])
def test_a_path_that_cannot_be_filled_in_names_the_output(path: str) -> None:
    pipeline = a_pipeline(outputs=(an_output("sum", DataType.FILE),))
    with pytest.raises(Invalid, match="Output 'sum': the path"):
        plan_of(pipeline, FileTarget(path=path), NOON)


@pytest.mark.parametrize(
    "destination", [EndpointOutput(name="{date}"), RunOutput(name="sum"), Dropped()]
)
def test_other_destinations_stay_as_they_are(destination: AnyDestination) -> None:
    plan = plan_of(a_pipeline(outputs=(an_output("sum"),)), destination, NOON)
    assert plan.outputs[0].destination == destination


def test_the_plan_of_a_deployment_has_its_mode_and_limits() -> None:
    deployment = a_deployment(mode=Mode.LOW_LATENCY, execution_timeout_s=9, ram_request="512MiB")
    trigger = a_trigger(deployment_id=DEPLOYMENT_ID, attempt=3)
    plan = resolve(trigger, a_pipeline(), deployment, {})
    assert (plan.mode, plan.timeout_s) == (Mode.LOW_LATENCY, 9)
    assert plan.memory_bytes == 512 << 20
    assert (plan.execution_id, plan.attempt) == (EXECUTION_ID, 3)
    assert (plan.deployment_id, plan.catalog_revision) == (DEPLOYMENT_ID, 7)


def test_a_run_is_elastic_and_has_the_usual_limits() -> None:
    plan = resolve(a_trigger(), a_pipeline(), None, {})
    assert plan.memory_bytes is None
    assert (plan.mode, plan.timeout_s, plan.deployment_id) == (Mode.ELASTIC, None, None)
