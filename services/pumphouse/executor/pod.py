"""The long-lived process of one low latency deployment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.catalog import Pod as PodState
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.vocabulary import DeploymentStatus
from pumphouse.errors import Unavailable
from pumphouse.executor.answers import ending_of
from pumphouse.executor.endings import Ending, failed, timed_out, vanished
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.life import Call, Life
from pumphouse.executor.line import Line, Turn
from pumphouse.executor.lives import CannotStart, Lives
from pumphouse.executor.record import Record
from pumphouse.executor.work import Work

log = logging.getLogger(__name__)

LONGEST_REST_S = 60.0

CANCEL_PATIENCE_S = 5.0
"""For what a coroutine does when it is cancelled."""


class Stand:
    """A stand in the line before a pod; see Place."""

    def __init__(self, pod: "Pod", turn: Turn) -> None:
        self._pod = pod
        self._turn = turn

    async def run(self, work: Work, record: Record) -> Ending:
        return await self._pod.run(work, record, self._turn)


class Pod:
    """Has a process, and has it run jobs one by one or side by side.

    is_wanted: whether the process shall stay when it is idle, and come back when it dies.
    """

    def __init__(
        self,
        deployment_id: str,
        lives: Lives,
        variables: Callable[[], dict[str, str]],
        report: Callable[[PodReported], Awaitable[None]],
    ) -> None:
        self._deployment_id = deployment_id
        self._lives = lives
        self._variables = variables
        self._report = report
        self._turn = asyncio.Lock()
        self._line = Line()
        self._places = asyncio.Semaphore(lives.at_once or 1)
        self.is_wanted = False
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
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

    @contextmanager
    def in_line(self) -> Iterator[Stand]:
        """A place to run, while the context is open.

        Where jobs are one by one, this holds the order: whoever stands behind begins later, though
        its inputs may be here earlier.
        """
        with self._line.joined() as turn:
            if self._lives.at_once is not None:
                turn.leave()
            yield Stand(self, turn)

    async def run(self, work: Work, record: Record, turn: Turn) -> Ending:
        """Do the work when there is a place. Raises PlatformFault and, as `ready`, Unavailable."""
        try:
            with self._holding():
                if self._lives.at_once is None:
                    await turn.come()
                await self._places.acquire()
                turn.leave()
                return await self._run_in_place(work, record)
        finally:
            await self._rest()

    async def stop(self) -> None:
        """End the process as soon as it is idle; a later `run` or `ready` starts another."""
        self.is_wanted = False
        if self._revival is not None:
            self._revival.cancel()
        await self._idle.wait()
        await self._rest()
        await self._lives.told()

    @contextmanager
    def _holding(self) -> Iterator[None]:
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    async def _rest(self) -> None:
        """End a process that nobody wants or uses any more."""
        if self.is_wanted or self._in_hand:
            return
        async with self._turn:
            if not self.is_wanted and not self._in_hand:
                await self._end_life()
                self._has_been_up = False

    async def _run_in_place(self, work: Work, record: Record) -> Ending:
        call: Call | None = None
        try:
            life, call = await self._hand_over(work, record)
            return await self._outcome(life, call, work)
        except CannotStart as error:
            return failed(error.message)
        finally:
            if call is not None and call.is_stuck:
                call.answer.add_done_callback(lambda _: self._places.release())
            else:
                self._places.release()

    async def _hand_over(self, work: Work, record: Record) -> tuple[Life, Call]:
        async with self._turn:
            for _ in range(2):
                life = await self._living(work.code, work.variables)
                record.begin()
                try:
                    return life, await life.begin(work, record.log)
                except SandboxLost:
                    await self._end_life()
        raise PlatformFault("Two processes of a pod in a row were gone before they had the job.")

    async def _outcome(self, life: Life, call: Call, work: Work) -> Ending:
        try:
            async with asyncio.timeout(work.timeout_s):
                answer = await asyncio.shield(call.answer)
        except TimeoutError:
            assert work.timeout_s is not None
            call.abandon()
            return await self._overrun(life, call, work.timeout_s)
        except BaseException:
            call.abandon()
            life.kill("it is stopped with an execution that the executor gives back")
            raise
        if answer is None:
            await life.end()
            return vanished(life.exit, restarted=True, beside=life.lost_at_once - 1)
        self._deaths = 0
        try:
            return await ending_of(answer, work)
        finally:
            await life.end_log(call)

    async def _overrun(self, life: Life, call: Call, limit_s: float) -> Ending:
        if life.is_async:
            await life.cancel(call, CANCEL_PATIENCE_S)
        if call.answer.done() and not life.is_over:
            await life.end_log(call)
            return timed_out(limit_s)
        call.is_stuck = not call.answer.done()
        if call.is_stuck and life.is_parallel and not life.is_clogged():
            call.write_to(life.log)
            life.log.note("an execution goes on beyond its time limit, and keeps its place")
            return timed_out(limit_s, goes_on=True)
        life.kill("it is stopped for what runs in it beyond a time limit")
        await life.end()
        return timed_out(limit_s, restarted=True)

    async def _living(self, code: Code, variables: dict[str, str]) -> Life:
        if self._life is not None and not self._life.is_over and self._life.code != code:
            await self._life.idle()
            await self._end_life()
        if self._life is not None and self._life.is_over:
            await self._end_life()
        if self._life is None:
            self._code = code
            self._life = await self._begin_life(code, variables)
        return self._life

    async def _begin_life(self, code: Code, variables: dict[str, str]) -> Life:
        try:
            life = await self._lives.start(code, variables)
        except (CannotStart, PlatformFault) as error:
            state = DeploymentStatus.RETRYING if self._has_been_up else DeploymentStatus.FAILED
            await self._tell(state, None, error.message)
            raise
        self._has_been_up = True
        life.lost.add_done_callback(lambda _: self._ended(life))
        await self._tell(DeploymentStatus.UP, life)
        return life

    async def _end_life(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            await life.end()

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
