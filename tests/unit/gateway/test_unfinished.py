"""How long the gateway goes by what the registry said of an execution."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from pumphouse.contracts.records import ExecutionDescribed, ExecutionSummary
from pumphouse.contracts.vocabulary import Origin, Status
from pumphouse.errors import NotFound, Unavailable
from pumphouse.gateway.outcomes import Outcomes
from pumphouse.gateway.unfinished import LOOK_EVERY_S, MAX_KEPT, Unfinished


def execution(status: Status, identifier: str = "one") -> ExecutionSummary:
    return ExecutionSummary(
        id=identifier,
        status=status,
        origin=Origin.RUN,
        pipeline_id="p",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_by="u",
    )


@dataclass
class FakeOutcomes:
    """answer: of the registry, to the question about any execution and any deployment."""

    answer: Status | Exception
    asked: int = 0
    ended: set[str] = field(default_factory=set)

    def has_ended(self, execution_id: str) -> bool:
        return execution_id in self.ended

    async def described(self, execution_id: str) -> ExecutionDescribed:
        return ExecutionDescribed(execution=self._answered(execution_id))

    async def listed(self, deployment_id: str, limit: int) -> tuple[ExecutionSummary, ...]:
        return (execution(Status.FAILED), self._answered(deployment_id))

    def _answered(self, identifier: str) -> ExecutionSummary:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return execution(self.answer, identifier)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def over(outcomes: FakeOutcomes) -> tuple[Unfinished, Clock]:
    clock = Clock()
    return Unfinished(cast(Outcomes, outcomes), clock), clock


@pytest.mark.parametrize(
    ("answer", "is_found"),
    [
        (Status.PENDING, True),
        (Status.RUNNING, True),
        (Status.SUCCEEDED, False),
        (Status.FAILED, False),
        (Status.ERROR, False),
        (Status.SKIPPED, False),
        (NotFound("gone"), False),
    ],
)
async def test_what_is_over_is_not_found(answer: Any, is_found: bool) -> None:
    known, _ = over(FakeOutcomes(answer))
    assert (await known.execution("one") is not None) is is_found


async def test_the_registry_is_asked_again_after_a_while() -> None:
    outcomes = FakeOutcomes(Status.RUNNING)
    known, clock = over(outcomes)
    assert await known.execution("one")
    outcomes.answer = Status.SUCCEEDED
    assert await known.execution("one")
    assert outcomes.asked == 1
    clock.now += LOOK_EVERY_S
    assert await known.execution("one") is None


async def test_an_end_that_the_gateway_has_heard_of_counts_at_once() -> None:
    outcomes = FakeOutcomes(Status.RUNNING)
    known, _ = over(outcomes)
    assert await known.execution("one")
    outcomes.ended.add("one")
    assert await known.execution("one") is None


async def test_what_was_known_goes_on_while_the_registry_is_out_of_reach() -> None:
    outcomes = FakeOutcomes(Status.RUNNING)
    known, clock = over(outcomes)
    assert await known.execution("one")
    outcomes.answer = Unavailable("no registry")
    clock.now += LOOK_EVERY_S
    assert await known.execution("one")
    assert await known.execution("one")
    assert outcomes.asked == 2
    with pytest.raises(Unavailable):
        await known.execution("two")


async def test_a_deployment_at_work_has_an_execution_that_is_not_over() -> None:
    outcomes = FakeOutcomes(Status.PENDING)
    known, clock = over(outcomes)
    assert await known.of_deployment("d")
    outcomes.answer = Status.SUCCEEDED
    clock.now += LOOK_EVERY_S
    assert await known.of_deployment("d") is None


async def test_what_is_kept_is_bounded() -> None:
    outcomes = FakeOutcomes(Status.RUNNING)
    known, _ = over(outcomes)
    for number in range(MAX_KEPT + 1):
        await known.execution(f"{number}")
    await known.execution("1")
    assert outcomes.asked == MAX_KEPT + 1
    await known.execution("0")
    assert outcomes.asked == MAX_KEPT + 2
