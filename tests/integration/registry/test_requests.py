"""What others ask the registry: executions, waiting for them, logs."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from pumphouse.bus import Bus, open_bus
from pumphouse.contracts.definitions import DeploymentSubmitted, PipelineSubmitted
from pumphouse.contracts.executions import LogLine, TriggerAccepted
from pumphouse.contracts.records import (
    ExecutionDiscarded,
    ExecutionQueried,
    ExecutionsQueried,
    LogsQueried,
)
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Invalid, NotFound
from pumphouse.registry import waiting
from pumphouse.registry.app import running
from pumphouse.registry.handlers import records
from tests.integration.registry.things import (
    NOW,
    deployment,
    finished,
    lines,
    logged,
    new_id,
    pipeline,
    settings,
    started,
    trigger,
)

PIPELINE = pipeline()
SERVED = deployment(PIPELINE)


LONGER_THAN_A_REQUEST_S = 60
"""A wait of this length fails the request that waits."""

VERSION_4 = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
VERSION_7_OF_2023 = "018bcfe5-6800-7000-8000-000000000000"


@pytest.fixture
async def filled(registry: Bus) -> Bus:
    """A registry that knows PIPELINE and SERVED."""
    await registry.request(PipelineSubmitted(pipeline=PIPELINE))
    await registry.request(DeploymentSubmitted(deployment=SERVED))
    return registry


async def _accepted(bus: Bus, **other: object) -> TriggerAccepted:
    accepted = trigger(PIPELINE, **other)
    await bus.publish(accepted)
    return accepted


async def test_an_execution_is_described(filled: Bus) -> None:
    accepted = await _accepted(filled, deployment_id=SERVED.id)
    found = await filled.request(ExecutionQueried(execution_id=accepted.execution_id))
    assert found.execution.deployment_id == SERVED.id
    assert found.execution.status is Status.PENDING


@pytest.mark.parametrize("execution_id", ["nonsense", "", "a\0b", VERSION_4, VERSION_7_OF_2023])
async def test_an_unknown_execution_is_not_found_at_once(
    filled: Bus, execution_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "APPEARS_WITHIN_S", LONGER_THAN_A_REQUEST_S)
    for request in (
        ExecutionQueried(execution_id=execution_id, wait_s=LONGER_THAN_A_REQUEST_S),
        ExecutionDiscarded(execution_id=execution_id),
        LogsQueried(execution_id=execution_id),
    ):
        with pytest.raises(NotFound):
            await filled.request(request)


async def test_an_execution_accepted_just_now_is_waited_for(filled: Bus) -> None:
    accepted = trigger(PIPELINE)
    asking = asyncio.create_task(
        filled.request(ExecutionQueried(execution_id=accepted.execution_id))
    )
    done, _ = await asyncio.wait([asking], timeout=0.2)
    assert not done
    await filled.publish(accepted)
    assert (await asking).execution.id == accepted.execution_id


async def test_a_young_id_that_never_appears_is_not_found(
    filled: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "APPEARS_WITHIN_S", 0.2)
    with pytest.raises(NotFound):
        await filled.request(
            ExecutionQueried(execution_id=new_id(), wait_s=LONGER_THAN_A_REQUEST_S)
        )


@pytest.fixture
def looks_are_far_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits is told of what this process folds, and not by the next look."""
    monkeypatch.setattr(waiting, "LOOK_EVERY_S", LONGER_THAN_A_REQUEST_S)


@pytest.mark.usefixtures("looks_are_far_apart")
async def test_a_waiting_question_is_answered_when_the_execution_ends(filled: Bus) -> None:
    accepted = await _accepted(filled)
    asking = asyncio.create_task(
        filled.request(ExecutionQueried(execution_id=accepted.execution_id, wait_s=30), timeout=30)
    )
    await filled.publish(started(accepted))
    done, _ = await asyncio.wait([asking], timeout=0.2)
    assert not done
    await filled.publish(finished(accepted))
    async with asyncio.timeout(20):
        assert (await asking).execution.status is Status.SUCCEEDED


async def test_a_wait_ends_with_its_time(filled: Bus) -> None:
    accepted = await _accepted(filled)
    found = await filled.request(
        ExecutionQueried(execution_id=accepted.execution_id, wait_s=0.2), timeout=20
    )
    assert found.execution.status is Status.PENDING


async def test_many_questions_wait_at_once_while_others_are_answered(filled: Bus) -> None:
    accepted = [await _accepted(filled) for _ in range(20)]
    asking = [
        asyncio.create_task(
            filled.request(ExecutionQueried(execution_id=each.execution_id, wait_s=30), timeout=30)
        )
        for each in accepted
        for _ in range(20)
    ]
    async with asyncio.timeout(20):
        await filled.request(ExecutionsQueried(pipeline_id=PIPELINE.id))
        await asyncio.gather(*(filled.publish(finished(each)) for each in accepted))
        for answer in await asyncio.gather(*asking):
            assert answer.execution.status is Status.SUCCEEDED


async def test_what_another_instance_folds_is_seen_by_those_who_wait(
    filled: Bus, database_url: str, store_url: str
) -> None:
    accepted = await _accepted(filled)
    asking = asyncio.create_task(
        filled.request(ExecutionQueried(execution_id=accepted.execution_id, wait_s=30), timeout=30)
    )
    async with open_bus(None, "other") as other, running(settings(database_url, store_url), other):
        await other.publish(finished(accepted))
        async with asyncio.timeout(20):
            assert (await asking).execution.status is Status.SUCCEEDED


@pytest.mark.usefixtures("looks_are_far_apart")
async def test_a_question_about_an_ended_execution_waits_for_the_record(
    filled: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "CATCHES_UP_WITHIN_S", LONGER_THAN_A_REQUEST_S)
    accepted = await _accepted(filled)
    asked = asyncio.gather(
        filled.request(ExecutionQueried(execution_id=accepted.execution_id, ended=True)),
        filled.request(LogsQueried(execution_id=accepted.execution_id, ended=True)),
        filled.request(ExecutionsQueried(pipeline_id=PIPELINE.id, ended=(accepted.execution_id,))),
    )
    done, _ = await asyncio.wait([asked], timeout=0.2)
    assert not done
    await filled.publish(finished(accepted, lines=lines("the end")))
    described, logs, listed = await asked
    assert described.execution.status is Status.SUCCEEDED
    assert [line.text for line in logs.lines] == ["the end"]
    assert listed.executions[0].status is Status.SUCCEEDED


@pytest.mark.usefixtures("looks_are_far_apart")
async def test_a_wait_for_a_deleted_execution_ends(filled: Bus) -> None:
    accepted = await _accepted(filled)
    asking = asyncio.create_task(
        filled.request(ExecutionQueried(execution_id=accepted.execution_id, wait_s=30), timeout=30)
    )
    await asyncio.wait([asking], timeout=0.1)
    await filled.request(ExecutionDiscarded(execution_id=accepted.execution_id))
    async with asyncio.timeout(20):
        with pytest.raises(NotFound):
            await asking


async def test_the_registry_stops_without_waiting_for_those_who_wait(
    database_url: str, store_url: str, bus: Bus
) -> None:
    async with running(settings(database_url, store_url), bus):
        await bus.request(PipelineSubmitted(pipeline=PIPELINE))
        accepted = await _accepted(bus)
        asking = asyncio.create_task(
            bus.request(ExecutionQueried(execution_id=accepted.execution_id, wait_s=60), timeout=60)
        )
        await asyncio.wait([asking], timeout=0.1)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 20
    assert (await asking).execution.status is Status.PENDING


async def test_executions_are_listed_newest_first(filled: Bus) -> None:
    of_run = [
        await _accepted(filled, accepted_at=NOW + timedelta(seconds=number)) for number in (1, 3, 2)
    ]
    served = await _accepted(filled, deployment_id=SERVED.id, accepted_at=NOW)
    listed = await filled.request(ExecutionsQueried(pipeline_id=PIPELINE.id))
    expected = [of_run[1], of_run[2], of_run[0], served]
    assert [each.id for each in listed.executions] == [each.execution_id for each in expected]
    newest = await filled.request(ExecutionsQueried(pipeline_id=PIPELINE.id, limit=1))
    assert [each.id for each in newest.executions] == [of_run[1].execution_id]
    of_deployment = await filled.request(ExecutionsQueried(deployment_id=SERVED.id))
    assert [each.id for each in of_deployment.executions] == [served.execution_id]


async def test_a_list_of_nothing_in_particular_is_refused(filled: Bus) -> None:
    with pytest.raises(Invalid, match="pipeline or a deployment"):
        await filled.request(ExecutionsQueried())


async def test_a_deleted_execution_is_gone_with_its_logs(
    filled: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "APPEARS_WITHIN_S", LONGER_THAN_A_REQUEST_S)
    accepted = await _accepted(filled)
    await filled.publish(finished(accepted, lines=lines("one")))
    await filled.request(ExecutionDiscarded(execution_id=accepted.execution_id))
    await filled.publish(logged(accepted, "late", position=1))
    for request in (
        ExecutionQueried(execution_id=accepted.execution_id),
        LogsQueried(execution_id=accepted.execution_id),
        ExecutionDiscarded(execution_id=accepted.execution_id),
    ):
        with pytest.raises(NotFound):
            await filled.request(request)


async def test_logs_are_read_between_two_moments(filled: Bus) -> None:
    accepted = await _accepted(filled)
    seconds = [NOW + timedelta(seconds=number) for number in range(5)]
    written = tuple(
        LogLine(at=at, stream="stderr", text=str(number)) for number, at in enumerate(seconds)
    )
    await filled.publish(msgspec.structs.replace(logged(accepted), lines=written))
    ask = LogsQueried(
        execution_id=accepted.execution_id, since=seconds[1], until=seconds[3], limit=2
    )
    assert (await filled.request(ask)).lines == written[1:3]
    everything = await filled.request(LogsQueried(execution_id=accepted.execution_id))
    assert everything.lines == written
