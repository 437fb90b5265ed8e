"""How the process of a pod comes to be."""

import asyncio

from pumphouse.contracts.catalog import Code
from pumphouse.errors import PumphouseError
from pumphouse.executor.elastic import EXIT_PATIENCE_S, exit_of
from pumphouse.executor.endings import vanished
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import Answer, Failed, Up
from pumphouse.executor.life import Life
from pumphouse.executor.pod_log import PodLog
from pumphouse.executor.reporting import Publisher
from pumphouse.executor.sandbox import Wish
from pumphouse.executor.workplace import Workplace, Workplaces


class CannotStart(PumphouseError):
    """The module does not import; the message is for the author of the code."""


class Lives:
    """Starts the processes of one deployment.

    at_once: how many jobs each takes side by side; None for one by one. memory_bytes: what each may
    have; None for the usual.
    """

    def __init__(
        self,
        deployment_id: str,
        workplaces: Workplaces,
        bus: Publisher,
        *,
        at_once: int | None,
        memory_bytes: int | None,
        start_timeout_s: float,
    ) -> None:
        self.at_once = at_once
        self._memory_bytes = memory_bytes
        self._deployment_id = deployment_id
        self._workplaces = workplaces
        self._bus = bus
        self._start_timeout_s = start_timeout_s
        self._logs: set[PodLog] = set()

    async def start(self, pod_id: str, code: Code, variables: dict[str, str]) -> Life:
        """A process that has imported the code, under an id of its own.

        Raises CannotStart, PlatformFault, and Unavailable when the code cannot be fetched now.
        """
        log = PodLog(self._bus, self._deployment_id, pod_id)
        self._logs = {log, *(earlier for earlier in self._logs if not earlier.is_told)}
        log.note("the process is started")
        try:
            return await self._imported(code, variables, log)
        except PumphouseError as error:
            log.note("the process could not be started")
            for line in error.message.splitlines():
                log.add("stderr", line.encode(), 0)
            log.close()
            raise

    async def told(self) -> None:
        """Return when the logs of all processes that have ended are told."""
        await asyncio.gather(*(log.told() for log in self._logs))

    async def _imported(self, code: Code, variables: dict[str, str], log: PodLog) -> Life:
        is_parallel = self.at_once is not None
        wish = Wish(code, is_pod=True, memory_bytes=self._memory_bytes)
        place = await self._workplaces.for_long(wish, variables, log, is_parallel=is_parallel)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                answer = await place.sandbox.receive()
            if not isinstance(answer, Up):
                raise await _refusal(answer, place)
            await place.sandbox.caught_up()
        except TimeoutError as error:
            await place.clear(0)
            raise CannotStart(
                f"The pipeline's file was not imported within {self._start_timeout_s:g} s."
            ) from error
        except BaseException:
            await place.clear(0)
            raise
        return Life(
            place,
            code,
            place.environment(variables),
            log,
            most=self.at_once or 1,
            is_parallel=is_parallel,
            is_async=answer.is_async,
        )


async def _refusal(answer: Answer | None, place: Workplace) -> PumphouseError:
    if isinstance(answer, Failed):
        return CannotStart(answer.message)
    if answer is not None:
        return PlatformFault(f"A runner could not be made ready: {answer}")
    ending = vanished(await exit_of(place.sandbox.ended, EXIT_PATIENCE_S))
    return CannotStart(ending.error or "")
