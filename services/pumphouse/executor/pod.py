"""The long-lived process of one low latency deployment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import uuid_utils
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.catalog import Pod as PodState
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.vocabulary import DeploymentStatus
from pumphouse.errors import PumphouseError, Unavailable
from pumphouse.executor.answers import ending_of
from pumphouse.executor.elastic import EXIT_PATIENCE_S, exit_status
from pumphouse.executor.endings import Ending, failed, timed_out, vanished
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import Answer, Failed, Up
from pumphouse.executor.record import Record
from pumphouse.executor.work import Work, environment_in
from pumphouse.executor.workplace import Workplace, Workplaces

log = logging.getLogger(__name__)

LONGEST_REST_S = 60.0


class CannotStart(PumphouseError):
    """The module does not import; the message is for the author of the code."""


@dataclass(eq=False)
class Life:
    """One process of the pod, from its start to its end. environment: as it last was sent."""

    place: Workplace
    code: Code
    environment: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))

    @property
    def is_over(self) -> bool:
        return self.place.sandbox.ended.done()


class Pod:
    """Runs one job at a time, in the order of the calls; starts its process when it must.

    is_wanted: whether the process shall stay when it is idle, and come back when it dies.
    """

    def __init__(
        self,
        deployment_id: str,
        workplaces: Workplaces,
        variables: Callable[[], dict[str, str]],
        report: Callable[[PodReported], Awaitable[None]],
        *,
        start_timeout_s: float,
    ) -> None:
        self._deployment_id = deployment_id
        self._workplaces = workplaces
        self._variables = variables
        self._report = report
        self._start_timeout_s = start_timeout_s
        self._turn = asyncio.Lock()
        self.is_wanted = False
        self._code: Code | None = None
        self._life: Life | None = None
        self._has_been_up = False
        self._deaths = 0
        self._revival: asyncio.Task[None] | None = None
        self._told: PodReported | None = None

    async def ready(self, code: Code) -> None:
        """Have the process up and stay so, and report what became of it.

        Raises PlatformFault, and Unavailable when the code cannot be fetched now.
        """
        self.is_wanted = True
        async with self._turn:
            earlier, self._told = self._life, None
            try:
                life = await self._living(code, self._variables())
            except CannotStart:
                return
            if life is earlier:
                await self._tell(DeploymentStatus.UP, life)

    async def run(self, work: Work, record: Record) -> Ending:
        """Do the work when its turn has come. Raises PlatformFault and, as `ready`, Unavailable."""
        async with self._turn:
            try:
                life = await self._hand_over(work, record)
            except CannotStart as error:
                return failed(error.message)
            try:
                return await self._outcome(life, work, record)
            finally:
                if not self.is_wanted:
                    await self._end_life()

    async def stop(self) -> None:
        """End the process as soon as it is idle; a later `run` or `ready` starts another."""
        self.is_wanted = False
        if self._revival is not None:
            self._revival.cancel()
        async with self._turn:
            await self._end_life()
            self._has_been_up = False

    async def _hand_over(self, work: Work, record: Record) -> Life:
        for _ in range(2):
            life = await self._living(work.code, work.variables)
            environment = environment_in(life.place.folder, work.variables)
            job = work.job
            if environment != life.environment:
                job = replace(job, environment=environment)
            record.begin()
            life.place.sandbox.write_to(record.log)
            try:
                await life.place.sandbox.send(job)
            except SandboxLost:
                await self._end_life()
            else:
                life.environment = environment
                return life
        raise PlatformFault("Two processes of a pod in a row were gone before they had the job.")

    async def _outcome(self, life: Life, work: Work, record: Record) -> Ending:
        sandbox = life.place.sandbox
        try:
            async with asyncio.timeout(work.timeout_s):
                answer = await sandbox.receive()
        except TimeoutError:
            assert work.timeout_s is not None
            await self._end_life()
            self._revive_later()
            return timed_out(work.timeout_s, restarted=True)
        except BaseException:
            sandbox.kill()
            raise
        if answer is None:
            status = await exit_status(sandbox.ended, EXIT_PATIENCE_S)
            await self._end_life()
            self._revive_later()
            return vanished(status, restarted=True)
        self._deaths = 0
        try:
            return await ending_of(answer, work)
        finally:
            await sandbox.caught_up()
            sandbox.write_to(None)

    async def _living(self, code: Code, variables: dict[str, str]) -> Life:
        if self._life is not None and (self._life.is_over or self._life.code != code):
            await self._end_life()
        if self._life is None:
            self._code = code
            self._life = await self._begin_life(code, variables)
        return self._life

    async def _begin_life(self, code: Code, variables: dict[str, str]) -> Life:
        try:
            life = await self._imported(code, variables)
        except (CannotStart, PlatformFault) as error:
            state = DeploymentStatus.RETRYING if self._has_been_up else DeploymentStatus.FAILED
            await self._tell(state, None, error.message)
            raise
        self._has_been_up = True
        life.place.sandbox.ended.add_done_callback(lambda _: self._ended(life))
        await self._tell(DeploymentStatus.UP, life)
        return life

    async def _imported(self, code: Code, variables: dict[str, str]) -> Life:
        place = await self._workplaces.make("pod", code, variables)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                answer = await place.sandbox.receive()
            if isinstance(answer, Up):
                return Life(place, code, environment_in(place.folder, variables))
            raise await _refusal(answer, place)
        except TimeoutError as error:
            await self._workplaces.clear(place, 0)
            raise CannotStart(
                f"The pipeline's file was not imported within {self._start_timeout_s:g} s."
            ) from error
        except BaseException:
            await self._workplaces.clear(place, 0)
            raise

    async def _end_life(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            await self._workplaces.clear(life.place, 0)

    def _ended(self, life: Life) -> None:
        if self._life is life:
            self._revive_later()

    def _revive_later(self) -> None:
        if self.is_wanted and (self._revival is None or self._revival.done()):
            self._revival = asyncio.create_task(self._revive())

    async def _revive(self) -> None:
        """Start a process in place of one that died, resting longer after each failure."""
        while True:
            await asyncio.sleep(min(LONGEST_REST_S, 2.0**self._deaths - 1))
            async with self._turn:
                lost = self._life
                is_needless = lost is not None and not lost.is_over
                if is_needless or not self.is_wanted or self._code is None:
                    return
                self._deaths += 1
                await self._end_life()
                await self._tell(DeploymentStatus.RETRYING, None)
                try:
                    self._life = await self._begin_life(self._code, self._variables())
                except CannotStart:
                    continue
                except PlatformFault as fault:
                    fault.report(log)
                    continue
                except Unavailable:  # its code is not here and cannot be fetched now
                    continue
                return

    async def _tell(
        self, status: DeploymentStatus, life: Life | None, message: str | None = None
    ) -> None:
        pods = () if life is None else (PodState(id=life.id, status=status),)
        report = PodReported(
            deployment_id=self._deployment_id, status=status, pods=pods, message=message
        )
        if report != self._told:
            self._told = report
            await self._report(report)


async def _refusal(answer: Answer | None, place: Workplace) -> PumphouseError:
    if isinstance(answer, Failed):
        return CannotStart(answer.message)
    if answer is not None:
        return PlatformFault(f"A runner could not be made ready: {answer}")
    ending = vanished(await exit_status(place.sandbox.ended, EXIT_PATIENCE_S))
    return CannotStart(ending.error or "")
