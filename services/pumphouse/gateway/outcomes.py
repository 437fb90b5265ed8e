"""What becomes of executions: by the reply on the bus, or else by the registry's record."""

import time

import msgspec

from pumphouse.bus import Bus
from pumphouse.contracts.executions import ExecutionFinished, TriggerAccepted
from pumphouse.contracts.records import (
    ExecutionDescribed,
    ExecutionDiscarded,
    ExecutionQueried,
    ExecutionsQueried,
    ExecutionSummary,
)
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Unavailable
from pumphouse.gateway.followings import Followed, Followings, Outcome
from pumphouse.gateway.holds import Holds
from pumphouse.gateway.problems import ExecutionFailed

RETRY_S = 1.0
ANSWER_MARGIN_S = 10.0


class Outcomes:
    """Starts executions and finds out about them and all others.

    A record that it hands out is not older than what this gateway has told anyone before.
    """

    def __init__(
        self, bus: Bus, holds: Holds, followings: Followings, reply_patience_s: float
    ) -> None:
        """reply_patience_s: age at which the registry is asked about an execution as well."""
        self._bus = bus
        self._holds = holds
        self._followings = followings
        self._reply_patience_s = reply_patience_s

    async def start(self, trigger: TriggerAccepted) -> None:
        """Publish the trigger and return once it is stored, so that it reaches an end.

        Raises Unavailable when it is not known to be stored.
        """
        identifier = trigger.execution_id
        reply = self._bus.expect(identifier)
        followed = Followed(
            trigger.pipeline_id, trigger.deployment_id, reply, since=time.monotonic()
        )
        self._followings.follow(identifier, followed)
        try:
            await self._bus.publish(
                trigger, correlation_id=identifier, reply_to=self._bus.reply_address
            )
        except BaseException:
            self._followings.forget(identifier)
            raise

    async def outcome(self, execution_id: str, timeout: float) -> Outcome | None:
        """The end of an execution; None while it has none after `timeout` seconds.

        Raises NotFound.
        """
        if (known := self._followings.outcome(execution_id)) is not None:
            return known
        end = time.monotonic() + timeout
        followed = self._followings.running(execution_id)
        if followed is not None:
            patience_s = self._reply_patience_s - (time.monotonic() - followed.since)
            await self._holds.hold(followed.reply, timeout=min(timeout, patience_s))
            if (known := followed.outcome()) is not None:
                return known
            if timeout < patience_s or self._holds.is_released:
                return None
        while True:
            try:
                return await self._recorded(execution_id, followed, end - time.monotonic())
            except Unavailable:
                if timeout <= 0:
                    raise
                if time.monotonic() + RETRY_S >= end or self._holds.is_released:
                    return None
                await self._holds.hold(timeout=RETRY_S)

    async def deployment_of(self, execution_id: str) -> str | None:
        """The id of the deployment that an execution is of; None for a run. Raises NotFound."""
        known = self._followings.deployment_of(execution_id)
        if known is not None:
            return known
        return (await self.described(execution_id)).execution.deployment_id

    async def described(self, execution_id: str) -> ExecutionDescribed:
        """The record of an execution. Raises NotFound."""
        described = await self._ask(execution_id, 0)
        if (end := self._told(described.execution)) is None:
            return described
        return msgspec.structs.replace(
            described,
            execution=_ended(described.execution, end),
            inputs=end.inputs or described.inputs,
            outputs=end.outputs,
            error=end.error,
        )

    async def listed(
        self,
        pipeline_id: str | None = None,
        deployment_id: str | None = None,
        limit: int | None = None,
    ) -> tuple[ExecutionSummary, ...]:
        """The executions of a pipeline or of a deployment, newest first."""
        query = ExecutionsQueried(
            pipeline_id=pipeline_id,
            deployment_id=deployment_id,
            limit=limit,
            accepted=self._followings.accepted(pipeline_id, deployment_id),
            ended=self._followings.ended(pipeline_id, deployment_id),
        )
        found = (await self._bus.request(query)).executions
        return tuple(
            summary if (end := self._told(summary)) is None else _ended(summary, end)
            for summary in found
        )

    async def delete(self, execution_id: str) -> None:
        """Remove the record of an execution. Raises NotFound."""
        await self._bus.request(ExecutionDiscarded(execution_id=execution_id))
        self._followings.forget(execution_id)

    def has_ended(self, execution_id: str) -> bool:
        """Whether this gateway knows that the execution has ended."""
        return self._followings.has_ended(execution_id)

    def _told(self, execution: ExecutionSummary) -> ExecutionFinished | None:
        """The end that this gateway has heard of, where the record is behind it."""
        if execution.status.is_terminal:
            return None
        known = self._followings.outcome(execution.id)
        if known is None or known.message is None or known.message.attempt < execution.attempt:
            return None
        return known.message

    async def _recorded(
        self, execution_id: str, followed: Followed | None, timeout: float
    ) -> Outcome | None:
        asking = self._ask(execution_id, max(timeout, 0))
        replies = () if followed is None else (followed.reply,)
        described = await self._holds.hold_for(
            asking, *replies, timeout=max(timeout, 0) + ANSWER_MARGIN_S
        )
        if followed is not None and (known := followed.outcome()) is not None:
            return known
        return None if described is None else _outcome_of(described)

    async def _ask(self, execution_id: str, wait_s: float) -> ExecutionDescribed:
        query = ExecutionQueried(
            execution_id=execution_id,
            wait_s=wait_s,
            ended=self._followings.has_ended(execution_id),
        )
        return await self._bus.request(query, timeout=wait_s + ANSWER_MARGIN_S)


def check_success(execution_id: str, outcome: Outcome) -> None:
    """Raise ExecutionFailed, with what the author of the code needs, unless it has succeeded."""
    if outcome.status is not Status.SUCCEEDED:
        raise ExecutionFailed(
            outcome.error or f"The execution ended as {outcome.status}.",
            {"execution_id": execution_id, "status": outcome.status},
        )


def _ended(execution: ExecutionSummary, end: ExecutionFinished) -> ExecutionSummary:
    return msgspec.structs.replace(
        execution,
        status=end.status,
        attempt=end.attempt,
        started_at=end.started_at,
        finished_at=end.finished_at,
    )


def _outcome_of(described: ExecutionDescribed) -> Outcome | None:
    execution = described.execution
    if not execution.status.is_terminal:
        return None
    return Outcome(execution.status, described.outputs, described.error, execution.deployment_id)
