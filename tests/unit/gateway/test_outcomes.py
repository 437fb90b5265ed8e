"""What the gateway says of executions while the registry's record is behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from pumphouse.bus import Bus, Envelope, RequestHandlers, open_bus
from pumphouse.bus.topology import REGISTRY_EVENTS, REGISTRY_REQUESTS, RESOLVER
from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlannedInput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import Mapping, RunOutput, RunValue
from pumphouse.contracts.records import (
    ExecutionDescribed,
    ExecutionQueried,
    ExecutionsListed,
    ExecutionsQueried,
    ExecutionSummary,
)
from pumphouse.contracts.vocabulary import DataType, Origin, Status
from pumphouse.gateway.followings import Followings
from pumphouse.gateway.holds import Holds
from pumphouse.gateway.outcomes import Outcomes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIGGER = TriggerAccepted(
    execution_id="e",
    origin=Origin.RUN,
    pipeline_id="p",
    mapping=Mapping(),
    accepted_at=NOW,
    accepted_by="u",
    catalog_revision=1,
)
INPUTS = (PlannedInput(name="a", data_type=DataType.NUMBER, source=RunValue(name="a"), value=21),)
OUTPUTS = (
    ProducedOutput(name="b", data_type=DataType.NUMBER, destination=RunOutput(name="b"), value=42),
)
END = ExecutionFinished(
    execution_id="e",
    status=Status.SUCCEEDED,
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=1),
    inputs=INPUTS,
    outputs=OUTPUTS,
)


class Behind:
    """A registry that has heard of a start, and of no end. attempt: the one it knows of."""

    attempt = 1

    @property
    def execution(self) -> ExecutionSummary:
        return ExecutionSummary(
            id="e",
            status=Status.RUNNING,
            origin=Origin.RUN,
            pipeline_id="p",
            created_at=NOW,
            created_by="u",
            attempt=self.attempt,
        )

    async def accept(self, _: TriggerAccepted, __: Envelope) -> None:
        pass

    async def describe(self, _: ExecutionQueried) -> ExecutionDescribed:
        return ExecutionDescribed(execution=self.execution)

    async def list(self, _: ExecutionsQueried) -> ExecutionsListed:
        return ExecutionsListed(executions=(self.execution,))


async def run(bus: Bus) -> Outcomes:
    """With one execution, whose reply has come."""

    async def conduct(trigger: TriggerAccepted, envelope: Envelope) -> None:
        assert envelope.reply_to is not None
        await bus.reply(END, to=envelope.reply_to, correlation_id=trigger.execution_id)

    await bus.consume(RESOLVER, {TriggerAccepted: conduct})
    outcomes = Outcomes(bus, Holds(), Followings(), reply_patience_s=60)
    await outcomes.start(TRIGGER)
    async with asyncio.timeout(30):
        outcome = await outcomes.outcome("e", timeout=30)
    assert outcome is not None
    assert outcome.status is Status.SUCCEEDED
    return outcomes


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with open_bus(None, "tests") as opened:
        yield opened


@pytest.fixture
async def registry(bus: Bus) -> Behind:
    behind = Behind()
    handlers: RequestHandlers = {
        ExecutionQueried: behind.describe,
        ExecutionsQueried: behind.list,
    }
    await bus.serve(REGISTRY_REQUESTS, handlers)
    await bus.consume(REGISTRY_EVENTS, {TriggerAccepted: behind.accept})
    return behind


async def test_an_end_that_was_told_is_in_every_record_from_then_on(
    bus: Bus, registry: Behind
) -> None:
    outcomes = await run(bus)

    described = await outcomes.described("e")
    (listed,) = await outcomes.listed(pipeline_id="p")

    assert described.execution == listed
    assert (listed.status, listed.finished_at) == (Status.SUCCEEDED, END.finished_at)
    assert (described.inputs, described.outputs) == (INPUTS, OUTPUTS)


async def test_a_record_of_a_later_attempt_is_shown_as_it_is(bus: Bus, registry: Behind) -> None:
    outcomes = await run(bus)
    registry.attempt = 2

    assert (await outcomes.described("e")).execution == registry.execution
    assert await outcomes.listed(pipeline_id="p") == (registry.execution,)
