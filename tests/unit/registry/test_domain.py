"""The pure rules of the registry."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from pumphouse.contracts.builds import BuildFinished
from pumphouse.contracts.catalog import Code, Deployment, Pipeline, PipelineInput, PipelineOutput
from pumphouse.contracts.executions import ExecutionFinished, TriggerAccepted
from pumphouse.contracts.mappings import (
    AnySource,
    Constant,
    EndpointOutput,
    EndpointValue,
    EnvironmentVariable,
    InputMapping,
    Mapping,
    NullValue,
    OutputMapping,
    RunValue,
)
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import (
    DataType,
    DeploymentStatus,
    Mode,
    Origin,
    PipelineStatus,
    Rule,
    Status,
)
from pumphouse.registry.domain import (
    Stage,
    Unfinished,
    built,
    created,
    expected_inputs,
    expected_outputs,
    is_young,
    next_step,
    parsed_ids,
    reported,
    revised,
    stage_of,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def _pipeline(default: object = msgspec.UNSET) -> Pipeline:
    return Pipeline(
        id="p",
        name="double",
        code=Code(archive="a", function_path="b.py", function_name="c"),
        inputs=(PipelineInput(name="number", data_type=DataType.NUMBER, default=default),),
        outputs=(PipelineOutput(name="double", data_type=DataType.NUMBER),),
        created_at=NOW,
        created_by="someone",
    )


def _trigger(source: AnySource, inputs: dict[str, object]) -> TriggerAccepted:
    return TriggerAccepted(
        execution_id="e",
        origin=Origin.ENDPOINT,
        pipeline_id="p",
        inputs=inputs,
        mapping=Mapping(
            inputs=(InputMapping(input="number", source=source),),
            outputs=(OutputMapping(output="double", destination=EndpointOutput(name="result")),),
        ),
        accepted_at=NOW,
        accepted_by="someone",
        catalog_revision=1,
    )


@pytest.mark.parametrize(
    ("source", "given", "default", "expected"),
    [
        (Constant(value=3), {}, 9, 3),
        (EndpointValue(name="n"), {"n": 5}, 9, 5),
        (EndpointValue(name="n"), {"n": None}, 9, None),
        (EndpointValue(name="n"), {}, 9, 9),
        (EndpointValue(name="n"), {}, msgspec.UNSET, None),
        (EndpointValue(name="n", default=7), {}, 9, 7),
        (EndpointValue(name="n", default=None), {}, 9, None),
        (RunValue(name="number"), {"number": 5}, 9, 5),
        (RunValue(name="number"), {}, 9, 9),
        (EnvironmentVariable(name="SECRET"), {"SECRET": 5, "number": 5}, 9, None),
        (NullValue(), {"number": 5}, 9, None),
    ],
)
def test_inputs_are_shown_before_the_start_as_far_as_they_are_known(
    source: AnySource, given: dict[str, object], default: object, expected: object
) -> None:
    [shown] = expected_inputs(_trigger(source, given), _pipeline(default))
    assert (shown.name, shown.data_type, shown.source) == ("number", DataType.NUMBER, source)
    assert shown.value == expected


def test_files_and_large_constants_are_shown_before_the_start_by_where_they_are_kept() -> None:
    photo = Reference(key="e/inputs/0", size=5, name="photo.png")
    for source in (EndpointValue(name="n"), RunValue(name="n")):
        trigger = msgspec.structs.replace(_trigger(source, {}), files={"n": photo})
        [shown] = expected_inputs(trigger, _pipeline())
        assert (shown.value, shown.reference) == (None, photo)
    [shown] = expected_inputs(_trigger(Constant(reference=photo), {}), _pipeline())
    assert (shown.value, shown.reference) == (None, photo)


def test_outputs_are_shown_before_the_end_without_values() -> None:
    [shown] = expected_outputs(_trigger(NullValue(), {}), _pipeline())
    assert (shown.destination, shown.value) == (EndpointOutput(name="result"), None)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_stage(status: Status) -> None:
    assert (stage_of(status) is Stage.ENDED) == status.is_terminal


def test_only_a_uuid_7_of_a_moment_ago_is_young() -> None:
    milliseconds = int(NOW.timestamp() * 1000)
    version_7 = UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))
    assert version_7.version == 7
    assert is_young(version_7, NOW + timedelta(seconds=1))
    assert not is_young(version_7, NOW + timedelta(seconds=6))
    assert not is_young(UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479"), NOW)


def test_an_id_of_the_far_future_is_not_young() -> None:
    assert not is_young(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), NOW)


def test_ids_that_are_none_are_left_out() -> None:
    good = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
    assert parsed_ids(["", "x", good, "a\0"]) == [UUID(good)]


def _deployment(**changes: object) -> Deployment:
    deployment = Deployment(
        id="d",
        name="serve",
        pipeline_id="p",
        rule=Rule.ENDPOINT,
        mode=Mode.ELASTIC,
        mapping=Mapping(),
        status=DeploymentStatus.STANDBY,
        created_at=NOW,
        created_by="someone",
        updated_at=NOW,
        updated_by="someone",
    )
    return msgspec.structs.replace(deployment, **changes)


@pytest.mark.parametrize(
    ("mode", "is_enabled", "status"),
    [
        (Mode.ELASTIC, True, DeploymentStatus.UP),
        (Mode.LOW_LATENCY, True, DeploymentStatus.PENDING),
        (Mode.ELASTIC, False, DeploymentStatus.DISABLED),
        (Mode.LOW_LATENCY, False, DeploymentStatus.DISABLED),
    ],
)
def test_a_new_deployment_begins_with_the_status_of_its_mode(
    mode: Mode, is_enabled: bool, status: DeploymentStatus
) -> None:
    assert created(_deployment(mode=mode, is_enabled=is_enabled)).status is status


def test_a_revision_does_not_set_status_and_pods() -> None:
    stored = _deployment(status=DeploymentStatus.FAILED, status_message="no module")
    wanted = _deployment(status=DeploymentStatus.UP, description="new")
    assert revised(stored, wanted) == _deployment(
        status=DeploymentStatus.FAILED, status_message="no module", description="new"
    )


def test_enabling_forgets_what_went_wrong_before() -> None:
    stored = _deployment(
        is_enabled=False, status=DeploymentStatus.DISABLED, status_message="no module"
    )
    enabled = revised(stored, _deployment())
    assert (enabled.status, enabled.status_message) == (DeploymentStatus.UP, None)


def test_a_report_does_not_enable() -> None:
    stored = _deployment(is_enabled=False, status=DeploymentStatus.DISABLED)
    report = PodReported(deployment_id="d", status=DeploymentStatus.UP)
    assert reported(stored, report).status is DeploymentStatus.DISABLED


@pytest.mark.parametrize(
    ("attempt", "has_started", "next_attempt"),
    [(1, False, 1), (1, True, 2), (2, False, 2), (2, True, 3), (3, False, 3)],
)
def test_a_lost_execution_is_issued_again_with_the_next_attempt_if_it_had_started(
    attempt: int, has_started: bool, next_attempt: int
) -> None:
    trigger = _trigger(NullValue(), {})
    step = next_step(Unfinished(trigger, attempt, has_started), NOW)
    assert step == msgspec.structs.replace(trigger, attempt=next_attempt)


def test_an_execution_that_was_lost_three_times_is_given_up() -> None:
    step = next_step(Unfinished(_trigger(NullValue(), {}), 3, True), NOW)
    assert isinstance(step, ExecutionFinished)
    assert (step.status, step.attempt) == (Status.ERROR, 3)
    assert (step.error or "").startswith("executor lost")


@pytest.mark.parametrize("stored_status", PipelineStatus)
@pytest.mark.parametrize("reported_status", PipelineStatus)
def test_a_build_moves_a_pending_pipeline_to_its_end_and_no_other(
    stored_status: PipelineStatus, reported_status: PipelineStatus
) -> None:
    stored = msgspec.structs.replace(_pipeline(), status=stored_status)
    end = BuildFinished(pipeline_id="p", status=reported_status, message="why")
    moves = stored_status is PipelineStatus.PENDING is not reported_status
    expected = (reported_status, "why") if moves else (stored_status, None)
    found = built(stored, end)
    assert (found.status, found.status_message) == expected


def test_a_build_from_a_repository_leaves_the_commit_and_its_code_and_no_key() -> None:
    stored = msgspec.structs.replace(
        _pipeline(),
        status=PipelineStatus.PENDING,
        deploy_key="sealed",
        container={"language": None},
    )
    end = BuildFinished(
        pipeline_id="p", status=PipelineStatus.READY, commit_id="c0ffee", archive="commits/c0ffee"
    )
    found = built(stored, end)
    assert (found.commit_id, found.code.archive) == ("c0ffee", "commits/c0ffee")
    assert found.deploy_key is None
    assert built(found, msgspec.structs.replace(end, commit_id="later")) == found


def test_a_failed_build_forgets_the_key_and_keeps_the_place_of_the_code() -> None:
    stored = msgspec.structs.replace(
        _pipeline(), status=PipelineStatus.PENDING, deploy_key="sealed"
    )
    found = built(stored, BuildFinished(pipeline_id="p", status=PipelineStatus.FAILED, message="m"))
    assert found.deploy_key is None
    assert found.commit_id is None
    assert found.code == stored.code


def test_a_build_of_a_dockerfile_leaves_its_image() -> None:
    code = msgspec.structs.replace(_pipeline().code, dockerfile="Dockerfile")
    stored = msgspec.structs.replace(_pipeline(), status=PipelineStatus.PENDING, code=code)
    found = built(stored, BuildFinished(pipeline_id="p", status=PipelineStatus.READY, image="i:1"))
    assert found.code == msgspec.structs.replace(code, image="i:1")
