"""Which executions are not over, asked often and looked up seldom."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pumphouse.contracts.records import ExecutionSummary
from pumphouse.errors import NotFound, Unavailable
from pumphouse.gateway.outcomes import Outcomes

LOOK_EVERY_S = 5.0
MAX_KEPT = 10_000
NEWEST = 200
"""Of the executions of a deployment: those among which one that is not over is looked for."""

Ask = Callable[[], Awaitable[ExecutionSummary | None]]


@dataclass(frozen=True, slots=True)
class _Kept:
    execution: ExecutionSummary | None
    until: float


class Unfinished:
    """What the registry said of an execution lately, and goes for longer when it is out of reach.

    An end is known here LOOK_EVERY_S seconds after it at the latest, as long as the registry
    answers; one that this gateway has heard of itself, at once.
    """

    def __init__(self, outcomes: Outcomes, clock: Callable[[], float] = time.monotonic) -> None:
        self._outcomes = outcomes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def execution(self, execution_id: str) -> ExecutionSummary | None:
        """Its record; None when it is over or does not exist. Raises Unavailable."""
        if self._outcomes.has_ended(execution_id):
            return None
        return await self._lately(execution_id, lambda: self._recorded(execution_id))

    async def of_deployment(self, deployment_id: str) -> ExecutionSummary | None:
        """One of a deployment's executions that is not over, if there is one. Raises Unavailable"""
        return await self._lately(deployment_id, lambda: self._listed(deployment_id))

    async def _lately(self, key: str, ask: Ask) -> ExecutionSummary | None:
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.execution
        try:
            found = await ask()
        except Unavailable:
            if kept is None:
                raise
            found = kept.execution
        self._kept[key] = _Kept(found, self._clock() + LOOK_EVERY_S)
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _recorded(self, execution_id: str) -> ExecutionSummary | None:
        try:
            execution = (await self._outcomes.described(execution_id)).execution
        except NotFound:
            return None
        return None if execution.status.is_terminal else execution

    async def _listed(self, deployment_id: str) -> ExecutionSummary | None:
        newest = await self._outcomes.listed(deployment_id=deployment_id, limit=NEWEST)
        return next((one for one in newest if not one.status.is_terminal), None)
