"""Elastic executions: each in a blank process with a folder of its own, and nothing after it."""

import asyncio

from pumphouse.executor.answers import ending_of
from pumphouse.executor.endings import Ending, timed_out, vanished
from pumphouse.executor.record import Record
from pumphouse.executor.sandbox import Exit
from pumphouse.executor.work import Work
from pumphouse.executor.workplace import Workplaces

EXIT_PATIENCE_S = 2.0
"""For atexit functions and threads that the function has left running."""


class Elastic:
    def __init__(self, workplaces: Workplaces) -> None:
        self._workplaces = workplaces

    async def run(self, work: Work, record: Record) -> Ending:
        """Do the work.

        Raises PlatformFault, and Unavailable when the code cannot be fetched now.
        """
        place = await self._workplaces.for_once(work, record)
        patience_s = 0.0
        try:
            async with asyncio.timeout(work.timeout_s):
                answer = await place.sandbox.receive()
            if answer is None:
                return vanished(await exit_of(place.sandbox.ended, EXIT_PATIENCE_S))
            ending = await ending_of(answer, work)
            patience_s = EXIT_PATIENCE_S
            return ending
        except TimeoutError:
            assert work.timeout_s is not None
            return timed_out(work.timeout_s)
        finally:
            await place.clear(patience_s)


async def exit_of(ended: asyncio.Future[Exit], patience_s: float) -> Exit | None:
    """How a process ended that said nothing; None when it goes on without its channel."""
    await asyncio.wait([ended], timeout=patience_s)
    return ended.result() if ended.done() else None
