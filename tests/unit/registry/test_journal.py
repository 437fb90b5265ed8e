"""The journal: batches form while one is stored, and the unknown is given up after a while."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Unavailable
from pumphouse.registry.batches import Event, identified
from pumphouse.registry.domain import Stage
from pumphouse.registry.journal import GIVE_UP_AFTER_S, Journal
from pumphouse.registry.queries import Outcome


def _event(number: int) -> ExecutionFinished:
    return ExecutionFinished(
        execution_id=str(UUID(int=number)),
        status=Status.SUCCEEDED,
        finished_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


class _Folds:
    """Remembers its batches, and takes as long as the test lets it."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Event]] = []
        self.gate = asyncio.Event()
        self.unknown: set[UUID] = set()
        self.failure: Exception | None = None

    async def fold(self, events: Sequence[Event]) -> Outcome:
        self.batches.append(events)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        ids = {identified(event) for event in events}
        return Outcome(dict.fromkeys(ids - self.unknown, Stage.ENDED), frozenset(self.unknown))


async def test_what_arrives_while_a_batch_is_stored_is_the_next_batch() -> None:
    folds = _Folds()
    journal = Journal(folds, lambda _: None)
    storing = [asyncio.create_task(journal.store(_event(0)))]
    await asyncio.sleep(0)
    storing += [asyncio.create_task(journal.store(_event(number))) for number in range(1, 100)]
    await asyncio.sleep(0)
    folds.gate.set()
    await asyncio.gather(*storing)
    assert [len(batch) for batch in folds.batches] == [1, 99]


async def test_nothing_is_confirmed_before_it_is_stored() -> None:
    folds = _Folds()
    moved: dict[UUID, Stage] = {}
    storing = asyncio.create_task(Journal(folds, moved.update).store(_event(1)))
    done, _ = await asyncio.wait([storing], timeout=0.05)
    assert (done, moved) == (set(), {})
    folds.gate.set()
    await storing
    assert moved == {UUID(int=1): Stage.ENDED}


async def test_a_failure_reaches_all_of_a_batch_and_no_later_one() -> None:
    folds = _Folds()
    folds.gate.set()
    journal = Journal(folds, lambda _: None)
    folds.failure = Unavailable("away")
    answers = await asyncio.gather(
        *(journal.store(_event(number)) for number in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    folds.failure = None
    await journal.store(_event(4))


async def test_a_handler_that_is_cancelled_does_not_disturb_the_others() -> None:
    folds = _Folds()
    journal = Journal(folds, lambda _: None)
    storing = [asyncio.create_task(journal.store(_event(number))) for number in range(3)]
    await asyncio.sleep(0)
    storing[1].cancel()
    folds.gate.set()
    answers = await asyncio.gather(*storing, return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        type(None),
        asyncio.CancelledError,
        type(None),
    ]


async def test_an_event_of_an_unknown_execution_is_retried_until_it_is_given_up() -> None:
    folds = _Folds()
    folds.gate.set()
    folds.unknown = {UUID(int=1)}
    now = 0.0
    journal = Journal(folds, lambda _: None, clock=lambda: now)
    for now in (0.0, 1.0, GIVE_UP_AFTER_S - 1):  # noqa: B007 - the clock reads it
        with pytest.raises(Unavailable, match="not recorded yet"):
            await journal.store(_event(1))
        await journal.store(_event(2))
    now = GIVE_UP_AFTER_S
    await journal.store(_event(1))


async def test_an_execution_that_appears_has_been_absent_no_longer() -> None:
    folds = _Folds()
    folds.gate.set()
    folds.unknown = {UUID(int=1)}
    now = 0.0
    journal = Journal(folds, lambda _: None, clock=lambda: now)
    with pytest.raises(Unavailable):
        await journal.store(_event(1))
    folds.unknown = set()
    await journal.store(_event(1))
    folds.unknown = {UUID(int=1)}
    now = GIVE_UP_AFTER_S + 1
    with pytest.raises(Unavailable):
        await journal.store(_event(1))
