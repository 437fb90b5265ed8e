"""What the registry hears of a run, and when."""

import asyncio
from datetime import UTC, datetime

import pytest

from pumphouse.bus import Envelope
from pumphouse.contracts.catalog import Code
from pumphouse.contracts.executions import (
    ExecutionLogged,
    ExecutionStarted,
    LogLine,
    PlanResolved,
)
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Mode
from pumphouse.errors import PumphouseError, Unavailable
from pumphouse.executor.record import Run
from pumphouse.executor.reporting import (
    BATCH_BYTES,
    BATCH_LINES,
    FINISHED_LINES,
    Progress,
    deliver,
    next_batch,
)

PLAN = PlanResolved(
    execution_id="e",
    pipeline_id="p",
    mode=Mode.ELASTIC,
    code=Code(archive="a", function_path="main.py", function_name="main"),
    catalog_revision=1,
)


class Bus:
    """Refuses the first `refusals` messages with `error`."""

    def __init__(self, refusals: int = 0, error: PumphouseError | None = None) -> None:
        self.published: list[Message] = []
        self.published_one = asyncio.Event()
        self._refusals = refusals
        self._error = error or Unavailable("not now")

    async def publish(self, message: Message) -> None:
        if self._refusals:
            self._refusals -= 1
            raise self._error
        self.published.append(message)
        self.published_one.set()

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None:
        raise AssertionError("progress answers nobody")


def line(text: str) -> LogLine:
    return LogLine(at=datetime.now(UTC), stream="stdout", text=text)


async def test_what_cannot_be_published_now_is_published_later() -> None:
    bus = Bus(refusals=2)
    await deliver(bus, PLAN)
    assert bus.published == [PLAN]


async def test_what_can_never_be_published_is_not_tried_again() -> None:
    with pytest.raises(PumphouseError, match="broken"):
        await deliver(Bus(1, PumphouseError("broken")), PLAN)


async def test_few_lines_travel_with_the_end() -> None:
    bus, run = Bus(), Run(PLAN, Envelope("m"))
    progress = Progress(bus, PLAN, run)
    run.record.begin()
    run.record.log.add("stdout", b"a", 0)
    position, lines = progress.close()
    await progress.all_told()
    assert (position, [line.text for line in lines]) == (0, ["a"])
    assert bus.published == []


@pytest.mark.parametrize("text", ["short", "long" * 2000])
async def test_many_lines_travel_before_the_end(text: str) -> None:
    bus, run = Bus(refusals=1), Run(PLAN, Envelope("m"))
    progress = Progress(bus, PLAN, run)
    count = FINISHED_LINES + 1 if text == "short" else 5
    for _ in range(count):
        run.record.log.add("stdout", text.encode(), 0)
    assert progress.close() == (count, ())
    await progress.all_told()
    (logged,) = bus.published
    assert isinstance(logged, ExecutionLogged)
    assert (logged.position, len(logged.lines)) == (0, count)


async def test_a_run_that_waits_for_its_turn_has_not_started() -> None:
    bus, run = Bus(), Run(PLAN, Envelope("m"))
    progress = Progress(bus, PLAN, run)
    await asyncio.sleep(0.15)
    assert bus.published == []
    run.record.begin()
    async with asyncio.timeout(60):
        await bus.published_one.wait()
    (started,) = bus.published
    assert isinstance(started, ExecutionStarted)
    assert started.started_at == run.record.started_at
    progress.close()
    await progress.all_told()


def test_batches_are_bounded_by_lines_and_by_size() -> None:
    assert len(next_batch([line("x")] * (BATCH_LINES + 5), 0)) == BATCH_LINES
    assert len(next_batch([line("x")] * (BATCH_LINES + 5), BATCH_LINES)) == 5
    assert len(next_batch([line("x" * BATCH_BYTES)] * 3, 0)) == 1
    assert next_batch([line("x")], 1) == ()
