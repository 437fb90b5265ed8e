"""Events become records: moved forward only, once, in any order, many at a time."""

import asyncio
import itertools
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.records import ExecutionDescribed
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Invalid, Unavailable
from pumphouse.postgres import Pool
from pumphouse.registry.batches import Event, identified
from pumphouse.registry.domain import Stage
from pumphouse.registry.journal import Journal
from pumphouse.registry.queries import Definitions, Executions, Folds
from tests.integration.registry.things import (
    INPUTS,
    NOW,
    OUTPUTS,
    deployment,
    finished,
    lines,
    logged,
    new_id,
    pipeline,
    started,
    trigger,
)

PIPELINE = pipeline()


@pytest.fixture
async def folds(pool: Pool) -> Folds:
    """Folding into a database that knows PIPELINE."""
    async with Definitions(pool).revising() as draft:
        await draft.keep_pipeline(PIPELINE)
    return Folds(pool)


async def _described(pool: Pool, event: Event) -> ExecutionDescribed:
    found = await Executions(pool).find(identified(event))
    assert found is not None
    return found


async def _texts(pool: Pool, event: Event) -> list[str]:
    return [line.text for line in await Executions(pool).logs(identified(event), None, None, None)]


async def test_an_accepted_trigger_is_a_pending_execution(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE)
    await folds.fold([accepted])
    found = await _described(pool, accepted)
    assert (found.execution.status, found.execution.attempt) == (Status.PENDING, 1)
    assert (found.execution.created_at, found.execution.created_by) == (NOW, "someone")
    assert found.inputs == INPUTS
    assert [(output.name, output.value) for output in found.outputs] == [("double", None)]


async def test_an_execution_runs_and_ends(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE)
    await folds.fold([accepted, started(accepted)])
    running = await _described(pool, accepted)
    assert running.execution.status is Status.RUNNING
    assert running.execution.started_at == NOW + timedelta(seconds=1)
    await folds.fold([finished(accepted)])
    ended = await _described(pool, accepted)
    assert ended.execution.status is Status.SUCCEEDED
    assert ended.execution.finished_at == NOW + timedelta(seconds=2)
    assert (ended.inputs, ended.outputs) == (INPUTS, OUTPUTS)


async def test_a_failed_execution_keeps_its_error_and_has_no_outputs(
    pool: Pool, folds: Folds
) -> None:
    accepted = trigger(PIPELINE)
    end = finished(accepted, status=Status.FAILED, error="ValueError: \0 no", outputs=())
    await folds.fold([accepted, end])
    found = await _described(pool, accepted)
    assert (found.execution.status, found.error) == (Status.FAILED, "ValueError: \0 no")
    assert found.outputs == ()


async def test_nul_bytes_in_values_and_logs_are_kept(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE, inputs={"number": "a\0b"})
    output = msgspec.structs.replace(OUTPUTS[0], value={"k\0": ["\0"]})
    await folds.fold([accepted])
    assert (await _described(pool, accepted)).inputs[0].value == "a\0b"
    await folds.fold([finished(accepted, outputs=(output,), lines=lines("\0", "ü\0"))])
    assert (await _described(pool, accepted)).outputs == (output,)
    assert await _texts(pool, accepted) == ["\0", "ü\0"]


async def test_a_terminal_status_never_changes(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE)
    await folds.fold([accepted, finished(accepted)])
    before = await _described(pool, accepted)
    await folds.fold([finished(accepted, status=Status.ERROR, error="late", attempt=2)])
    await folds.fold([started(accepted, attempt=2), trigger(PIPELINE, **_again(accepted, 3))])
    assert await _described(pool, accepted) == before


async def test_a_late_attempt_is_refused_by_its_number(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE)
    await folds.fold([accepted, started(accepted)])
    await folds.fold([trigger(PIPELINE, **_again(accepted, 2))])
    await folds.fold([finished(accepted, attempt=1), started(accepted, attempt=1)])
    found = await _described(pool, accepted)
    assert (found.execution.status, found.execution.attempt) == (Status.RUNNING, 2)
    assert found.execution.started_at is None


def _again(accepted: Event, attempt: int) -> dict[str, object]:
    return {"execution_id": accepted.execution_id, "attempt": attempt}


def _events_of_one_execution(number: int) -> list[Event]:
    """A life with two attempts, of which the second ends; variants by number."""
    first = trigger(PIPELINE)
    second = trigger(PIPELINE, **_again(first, 2))
    end = finished(first, attempt=2, position=1, lines=lines("two-1", "two-2"))
    if number == 1:
        end = ExecutionFinished(
            execution_id=first.execution_id, attempt=2, status=Status.ERROR, finished_at=NOW
        )
    return [
        first,
        started(first, inputs=()),
        logged(first, "one-0", "one-1"),
        logged(first, "one-2", position=2),
        second,
        started(first, attempt=2, started_at=NOW + timedelta(seconds=1)),
        logged(first, "two-0", attempt=2),
        end,
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), number=st.integers(0, 1))
async def test_any_order_and_repetition_of_events_ends_in_the_same_record(
    pool: Pool, folds: Folds, data: st.DataObject, number: int
) -> None:
    wanted = _events_of_one_execution(number)
    await folds.fold(wanted)
    events = _events_of_one_execution(number)
    repeated = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=6))
    deliveries = data.draw(st.permutations([*events, *(events[at] for at in repeated)]))
    cuts = data.draw(st.lists(st.integers(1, 5), min_size=len(deliveries)))
    waiting = list(deliveries)
    for size in itertools.cycle(cuts):
        batch, waiting = waiting[:size], waiting[size:]
        outcome = await folds.fold(batch)
        # As the bus does with what the registry could not place yet.
        waiting += [event for event in batch if identified(event) in outcome.missing]
        if not waiting:
            break
    assert _comparable(await _described(pool, events[0])) == _comparable(
        await _described(pool, wanted[0])
    )
    assert await _texts(pool, events[0]) == await _texts(pool, wanted[0])


def _comparable(found: ExecutionDescribed) -> object:
    summary = found.execution
    times = (summary.started_at, summary.finished_at)
    return (summary.status, summary.attempt, times, found.inputs, found.outputs, found.error)


async def test_an_event_before_its_trigger_is_missing_one(folds: Folds) -> None:
    accepted, other = trigger(PIPELINE), trigger(PIPELINE)
    outcome = await folds.fold([finished(accepted), other, logged(other, "here")])
    assert outcome.missing == {identified(accepted)}
    assert outcome.stages == {identified(other): Stage.KNOWN}


@pytest.mark.parametrize("kind", ["pipeline", "deployment"])
async def test_a_trigger_of_something_deleted_is_dropped_with_all_that_follows(
    folds: Folds, kind: str
) -> None:
    if kind == "pipeline":
        orphan = trigger(pipeline("gone"))
    else:
        orphan = trigger(PIPELINE, deployment_id=deployment(PIPELINE).id)
    fine = trigger(PIPELINE)
    outcome = await folds.fold([orphan, fine, finished(fine)])
    assert not outcome.missing
    assert outcome.stages == {identified(fine): Stage.ENDED}
    later = await folds.fold([started(orphan), logged(orphan, "?"), finished(orphan)])
    assert (later.missing, later.stages) == (frozenset(), {})


async def test_a_deleted_execution_does_not_come_back(pool: Pool, folds: Folds) -> None:
    accepted = trigger(PIPELINE)
    await folds.fold([accepted, started(accepted)])
    assert await Executions(pool).delete(identified(accepted))
    outcome = await folds.fold([accepted, started(accepted), finished(accepted)])
    assert (outcome.missing, outcome.stages) == (frozenset(), {})
    assert await Executions(pool).find(identified(accepted)) is None


async def test_triggers_and_the_deletion_of_their_pipeline_meet_without_a_trace(
    pool: Pool, folds: Folds
) -> None:
    definitions = Definitions(pool)
    doomed = pipeline("doomed")
    async with definitions.revising() as draft:
        await draft.keep_pipeline(doomed)

    async def delete() -> None:
        async with definitions.revising() as draft:
            assert await draft.pipeline(doomed.id)
            await draft.drop_pipeline(doomed.id)

    triggers = [trigger(doomed) for _ in range(40)]
    await asyncio.gather(*(folds.fold([accepted]) for accepted in triggers), delete())
    outcome = await folds.fold([finished(accepted) for accepted in triggers])
    assert (outcome.missing, outcome.stages) == (frozenset(), {})
    assert await pool.fetchval("select count(*) from registry.executions") == 0


async def test_a_flood_is_stored_in_few_transactions(pool: Pool, folds: Folds) -> None:
    journal = Journal(folds, lambda _: None)
    accepted = [trigger(PIPELINE) for _ in range(1000)]
    await asyncio.gather(*(journal.store(event) for event in accepted))
    assert await pool.fetchval("select count(*) from registry.executions") == 1000
    assert await pool.fetchval("select count(distinct xmin::text) from registry.executions") < 10


async def test_one_event_that_cannot_be_stored_does_not_fail_the_others(
    pool: Pool, folds: Folds
) -> None:
    journal = Journal(folds, lambda _: None)
    fine = [trigger(PIPELINE) for _ in range(5)]
    bad = trigger(PIPELINE, accepted_by="nul \0 byte")
    huge = trigger(PIPELINE, attempt=2**40)
    answers = await asyncio.gather(
        *(journal.store(event) for event in (*fine[:3], bad, huge, *fine[3:])),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if answer is not None] == [Invalid, Invalid]
    assert await pool.fetchval("select count(*) from registry.executions") == 5


async def test_folding_at_two_instances_at_once_ends_each_execution_once(
    pool: Pool, folds: Folds
) -> None:
    accepted = [trigger(PIPELINE) for _ in range(200)]
    events: list[Event] = [*accepted]
    for each in accepted:
        events += [started(each), finished(each, lines=lines("hello"))]
    journals = [Journal(Folds(pool), lambda _: None) for _ in range(2)]

    async def deliver(journal: Journal, event: Event) -> None:
        while True:
            try:
                return await journal.store(event)
            except Unavailable:
                await asyncio.sleep(0.01)

    await asyncio.gather(*(deliver(journal, event) for journal in journals for event in events))
    statuses = await pool.fetch("select status from registry.executions")
    assert [row["status"] for row in statuses] == ["Succeeded"] * 200
    assert await pool.fetchval("select count(*) from registry.log_lines") == 200


async def test_without_the_database_events_are_unavailable(pool: Pool, folds: Folds) -> None:
    journal = Journal(folds, lambda _: None)
    await pool.close()
    with pytest.raises(Unavailable):
        await journal.store(trigger(PIPELINE))


def test_ids_of_events_must_be_uuids() -> None:
    with pytest.raises(Invalid, match="'nonsense'"):
        identified(trigger(PIPELINE, execution_id="nonsense"))
    assert identified(trigger(PIPELINE, execution_id=new_id()))
