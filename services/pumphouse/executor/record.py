"""An execution in hand: what is known of it, and who waits for its end."""

import asyncio
from datetime import UTC, datetime

from pumphouse.bus import Envelope
from pumphouse.contracts.executions import PlanResolved
from pumphouse.errors import Unavailable
from pumphouse.executor.logs import Log


class Record:
    """log: what the code has written. started_at: None until a process has it.

    began_at: the same moment by the clock of the event loop, in seconds.
    """

    def __init__(self) -> None:
        self.log = Log()
        self.started_at: datetime | None = None
        self.began_at: float | None = None

    def begin(self) -> None:
        """The function starts now, unless it has started before."""
        if self.started_at is None:
            self.started_at = datetime.now(UTC)
            self.began_at = asyncio.get_running_loop().time()


class Run:
    """One execution in the hand of a task. settled: whether it has come to an end."""

    def __init__(self, plan: PlanResolved, envelope: Envelope) -> None:
        """Made by the task that runs it."""
        self.attempt = plan.attempt
        self.envelopes = [envelope]
        self.record = Record()
        self.settled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._task = asyncio.current_task()

    def give_back(self) -> None:
        """End it without an end: its message is delivered again, here or elsewhere."""
        if self._task is not None:
            self._task.cancel()

    async def join(self, plan: PlanResolved, envelope: Envelope) -> None:
        """Wait for the end beside the first delivery. Raises Unavailable when there is none."""
        self.attempt = max(self.attempt, plan.attempt)
        self.envelopes.append(envelope)
        if not await asyncio.shield(self.settled):
            raise Unavailable("The run of this execution was given up.")
