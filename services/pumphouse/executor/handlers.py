"""Plans in, ends of executions out."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Protocol

from pumphouse.bus import Envelope
from pumphouse.contracts.executions import ExecutionFinished, PlanResolved
from pumphouse.contracts.message import Message, R_co, Request
from pumphouse.contracts.records import ExecutionQueried, ExecutionSummary
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import NotFound, Unavailable
from pumphouse.executor.endings import Ending, executor_lost
from pumphouse.executor.record import Record, Run
from pumphouse.executor.reporting import Progress, deliver

MOST_ATTEMPTS = 3

DELIVERIES_BEFORE_FORGOTTEN = 5
"""A record that is not there may still be on its way to the registry."""


class Messenger(Protocol):
    """What the handlers need of a bus."""

    async def publish(self, message: Message) -> None: ...

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None: ...

    async def request(self, request: Request[R_co]) -> R_co: ...


class FollowsCatalog(Protocol):
    async def at_least(self, revision: int) -> None: ...


class Conducts(Protocol):
    async def conduct(self, plan: PlanResolved, record: Record) -> Ending: ...


class PlanHandlers:
    """Delivered twice at once, a plan is run once; delivered again, it asks the registry first."""

    def __init__(self, bus: Messenger, catalog: FollowsCatalog, conductor: Conducts) -> None:
        self._bus = bus
        self._catalog = catalog
        self._conductor = conductor
        self._runs: dict[str, Run] = {}
        self._is_stopping = False

    async def resolved(self, plan: PlanResolved, envelope: Envelope) -> None:
        """Run the plan and return once its end is stored."""
        if self._is_stopping:
            raise Unavailable("This executor is stopping.")
        if (run := self._runs.get(plan.execution_id)) is not None:
            await run.join(plan, envelope)
            return
        run = self._runs[plan.execution_id] = Run(plan, envelope)
        try:
            await self._attempt(plan, run)
            run.settled.set_result(True)
        finally:
            del self._runs[plan.execution_id]
            if not run.settled.done():
                run.settled.set_result(False)

    def stop(self, grace_s: float) -> None:
        """Take no more plans; give back at once what has not started, and the rest after a while.

        What is given back ends nothing: another executor runs it again.
        """
        self._is_stopping = True
        for run in self._runs.values():
            if run.record.started_at is None:
                run.give_back()
        asyncio.get_running_loop().call_later(grace_s, self._give_back)

    def _give_back(self) -> None:
        for run in self._runs.values():
            run.give_back()

    async def _attempt(self, plan: PlanResolved, run: Run) -> None:
        if run.envelopes[0].delivery > 1:
            execution = await self._recorded(plan, run.envelopes[0])
            if execution is None:
                return
            if execution.status is Status.RUNNING and execution.attempt >= MOST_ATTEMPTS:
                run.attempt = max(run.attempt, execution.attempt)
                await self._tell_end(plan, run, executor_lost(execution.attempt))
                return
            run.attempt = max(run.attempt, execution.attempt + 1)
        progress = Progress(self._bus, plan, run)
        try:
            await self._catalog.at_least(plan.catalog_revision)
            ending = await self._conductor.conduct(plan, run.record)
            await self._tell_end(plan, run, ending, progress)
        finally:
            progress.abandon()

    async def _tell_end(
        self, plan: PlanResolved, run: Run, ending: Ending, progress: Progress | None = None
    ) -> None:
        position, lines = (0, ()) if progress is None else progress.close()
        finished = ExecutionFinished(
            execution_id=plan.execution_id,
            attempt=run.attempt,
            status=ending.status,
            started_at=run.record.started_at,
            finished_at=datetime.now(UTC),
            inputs=plan.inputs,
            outputs=ending.produced,
            error=ending.error,
            position=position,
            lines=lines,
        )
        await self._reply(finished, run)
        if progress is not None:
            await progress.all_told()
        await deliver(self._bus, finished)

    async def _reply(self, finished: ExecutionFinished, run: Run) -> None:
        for envelope in run.envelopes:
            if envelope.reply_to is not None:
                with contextlib.suppress(Unavailable):
                    await self._bus.reply(
                        finished,
                        to=envelope.reply_to,
                        correlation_id=envelope.correlation_id or finished.execution_id,
                    )

    async def _recorded(self, plan: PlanResolved, envelope: Envelope) -> ExecutionSummary | None:
        """The execution as the registry has it; None when there is nothing to run any more."""
        try:
            described = await self._bus.request(ExecutionQueried(execution_id=plan.execution_id))
        except NotFound as error:
            if envelope.delivery <= DELIVERIES_BEFORE_FORGOTTEN:
                raise Unavailable(f"The registry does not have this execution: {error}") from error
            return None
        return None if described.execution.status.is_terminal else described.execution
