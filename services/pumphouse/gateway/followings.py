"""The executions that this gateway has started, and those whose end it has heard of lately."""

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pumphouse.contracts.catalog import CatalogChange
from pumphouse.contracts.executions import ExecutionFinished, ProducedOutput
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Status

MEMORY_S = 60.0
NEWS_S = 5.0
MAX_RUNNING = 20_000
MAX_ENDED = 2_000
MAX_OUTCOMES = 1_000
MAX_NAMED = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution. message: what has told it, unless that was a record."""

    status: Status
    outputs: tuple[ProducedOutput, ...]
    error: str | None
    deployment_id: str | None
    message: ExecutionFinished | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """An execution on its way.

    reply: its ExecutionFinished, once there is one. since: monotonic time of its start.
    """

    pipeline_id: str
    deployment_id: str | None
    reply: asyncio.Future[Message]
    since: float

    def outcome(self) -> Outcome | None:
        """What the reply says, if it is there and says anything."""
        if not self.reply.done() or self.reply.cancelled() or self.reply.exception():
            return None
        message = self.reply.result()
        if not isinstance(message, ExecutionFinished):
            return None
        end = (message.status, message.outputs, message.error)
        return Outcome(*end, self.deployment_id, message)


@dataclass(slots=True)
class _Ended:
    pipeline_id: str
    deployment_id: str | None
    expires_at: float
    outcome: Outcome | None


class Followings:
    """A bounded memory. What it has forgotten, the registry knows.

    An end is remembered for MEMORY_S seconds, its outputs for as long while there are few.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: OrderedDict[str, Followed] = OrderedDict()
        self._ended: OrderedDict[str, _Ended] = OrderedDict()
        self._with_outcome: OrderedDict[str, _Ended] = OrderedDict()

    def follow(self, execution_id: str, followed: Followed) -> None:
        """Remember an execution, its end included as soon as its reply is there."""
        self._running[execution_id] = followed
        if len(self._running) > MAX_RUNNING:
            self.forget(next(iter(self._running)))
        followed.reply.add_done_callback(lambda _: self._end(execution_id))

    def running(self, execution_id: str) -> Followed | None:
        return self._running.get(execution_id)

    def outcome(self, execution_id: str) -> Outcome | None:
        ended = self._with_outcome.get(execution_id)
        return None if ended is None else ended.outcome

    def deployment_of(self, execution_id: str) -> str | None:
        """The id of the deployment that a remembered execution is of."""
        item = self._running.get(execution_id) or self._ended.get(execution_id)
        return None if item is None else item.deployment_id

    def has_ended(self, execution_id: str) -> bool:
        return execution_id in self._ended

    def ended(self, pipeline_id: str | None, deployment_id: str | None) -> tuple[str, ...]:
        """The newest of the ends heard of, of a pipeline or of a deployment."""
        return tuple(_named(reversed(self._ended.items()), pipeline_id, deployment_id))

    def accepted(self, pipeline_id: str | None, deployment_id: str | None) -> tuple[str, ...]:
        """The newest of those that the registry may not have heard of yet."""
        now = self._clock()
        lately = itertools.takewhile(
            lambda item: item[1].since > now - NEWS_S, reversed(self._running.items())
        )
        return tuple(_named(lately, pipeline_id, deployment_id))

    def forget(self, execution_id: str) -> None:
        """Know nothing of this execution any more."""
        self._ended.pop(execution_id, None)
        self._with_outcome.pop(execution_id, None)
        if (followed := self._running.pop(execution_id, None)) is not None:
            followed.reply.cancel()

    def forget_deleted(self, change: CatalogChange) -> None:
        """Forget the executions that went with a pipeline or a deployment."""
        pipeline, deployment = change.deleted_pipeline_id, change.deleted_deployment_id
        if pipeline is None and deployment is None:
            return
        for executions in (self._running, self._ended):
            gone = [
                identifier
                for identifier, item in executions.items()
                if item.pipeline_id == pipeline
                or (deployment is not None and item.deployment_id == deployment)
            ]
            for identifier in gone:
                self.forget(identifier)

    def close(self) -> None:
        """Forget everything."""
        for identifier in list(self._running):
            self.forget(identifier)

    def _end(self, execution_id: str) -> None:
        followed = self._running.pop(execution_id, None)
        if followed is None or (outcome := followed.outcome()) is None:
            return
        now = self._clock()
        ended = _Ended(followed.pipeline_id, followed.deployment_id, now + MEMORY_S, outcome)
        self._ended[execution_id] = self._with_outcome[execution_id] = ended
        if len(self._with_outcome) > MAX_OUTCOMES:
            self._with_outcome.popitem(last=False)[1].outcome = None
        while self._ended:
            oldest_id, oldest = next(iter(self._ended.items()))
            if oldest.expires_at > now and len(self._ended) <= MAX_ENDED:
                return
            self.forget(oldest_id)


def _named(
    newest_first: Iterable[tuple[str, Followed | _Ended]],
    pipeline_id: str | None,
    deployment_id: str | None,
) -> list[str]:
    found: list[str] = []
    for identifier, item in newest_first:
        if len(found) == MAX_NAMED:
            break
        if pipeline_id in (None, item.pipeline_id) and deployment_id in (None, item.deployment_id):
            found.append(identifier)
    return found
