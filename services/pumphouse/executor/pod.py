"""A long-lived process of a low latency deployment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import uuid_utils

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.vocabulary import DeploymentStatus
from pumphouse.errors import Unavailable
from pumphouse.executor.answers import ending_of
from pumphouse.executor.endings import Ending, failed, timed_out, vanished
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.life import Call, Life
from pumphouse.executor.lives import CannotStart, Lives
from pumphouse.executor.record import Record
from pumphouse.executor.standings import Standing
from pumphouse.executor.work import Work

log = logging.getLogger(__name__)

LONGEST_REST_S = 60.0

CANCEL_PATIENCE_S = 5.0
"""For what a coroutine does when it is cancelled."""


class Pod:
    """Has a process, and has it run jobs one by one or side by side.

    is_wanted: whether the process shall stay when it is idle, and come back when it dies.
    room: how many more jobs it can take. standing: None before the first process, and after a rest.
    """

    def __init__(
        self,
        lives: Lives,
        variables: Callable[[], dict[str, str]],
        tell: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """tell: the standing is another. changed: there is more room, or the process has ended."""
        self._lives = lives
        self._variables = variables
        self._tell_all = tell
        self._changed = changed
        self._turn = asyncio.Lock()
        self.room = lives.at_once or 1
        self.is_wanted = False
        self.standing: Standing | None = None
        self._in_hand = 0
        self._code: Code | None = None
        self._life: Life | None = None
        self._has_been_up = False
        self._deaths = 0
        self._revival: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._life is not None and not self._life.is_over

    async def ready(self, code: Code) -> None:
        """Have the process up, and tell what became of it.

        Raises PlatformFault, and Unavailable when the code cannot be fetched now.
        """
        async with self._turn:
            earlier = self._life
            try:
                life = await self._living(code, self._variables())
            except CannotStart:
                return
            if life is earlier:
                await self._tell(life.id, DeploymentStatus.UP)

    async def run(self, work: Work, record: Record, begun: Callable[[], None]) -> Ending:
        """Do the work in a place that there is room for; begun: called once the process has it.

        Raises PlatformFault and, as `ready`, Unavailable.
        """
        call: Call | None = None
        self.room -= 1
        self._in_hand += 1
        try:
            life, call = await self._hand_over(work, record)
            begun()
            return await self._outcome(life, call, work)
        except CannotStart as error:
            return failed(error.message)
        finally:
            self._in_hand -= 1
            if call is not None and call.is_stuck:
                call.answer.add_done_callback(lambda _: self._free())
            else:
                self._free()

    def revive(self, code: Code) -> None:
        """Have the process up in the background, and try again, resting longer each time."""
        self._code = code
        if self.is_wanted and (self._revival is None or self._revival.done()):
            self._revival = asyncio.create_task(self._revive())

    async def rest(self) -> None:
        """End the process if nobody wants or uses it any more."""
        if self._revival is not None and not self.is_wanted:
            self._revival.cancel()
        async with self._turn:
            if not self.is_wanted and not self._in_hand:
                await self._end_life()
                self._has_been_up = False
                self.standing = None

    def _free(self) -> None:
        self.room += 1
        self._changed()

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
            return await self._begin_life(code, variables)
        return self._life

    async def _begin_life(self, code: Code, variables: dict[str, str]) -> Life:
        pod_id = str(uuid_utils.uuid7())
        try:
            life = self._life = await self._lives.start(pod_id, code, variables)
        except (CannotStart, PlatformFault) as error:
            state = DeploymentStatus.RETRYING if self._has_been_up else DeploymentStatus.FAILED
            await self._tell(pod_id, state, error.message)
            raise
        if not self._has_been_up:
            self._has_been_up, self._deaths = True, 0
        life.lost.add_done_callback(lambda _: self._ended(life))
        await self._tell(pod_id, DeploymentStatus.UP)
        return life

    async def _end_life(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            await life.end()

    def _ended(self, life: Life) -> None:
        if self._life is life:
            self._changed()
            self.revive(life.code)

    async def _revive(self) -> None:
        """Start a process in place of one that died, resting longer after each failure."""
        while True:
            await asyncio.sleep(min(LONGEST_REST_S, 2.0**self._deaths - 1))
            async with self._turn:
                if self.is_up or not self.is_wanted or self._code is None:
                    return
                await self._end_life()
                self._deaths += 1
                if self._has_been_up and self.standing is not None:
                    await self._tell(self.standing.id, DeploymentStatus.RETRYING)
                try:
                    life = await self._begin_life(self._code, self._variables())
                except CannotStart:
                    continue
                except PlatformFault as fault:
                    fault.report(log)
                    continue
                except Unavailable:  # its code is not here and cannot be fetched now
                    continue
                if not life.is_over:
                    return

    async def _tell(
        self, pod_id: str, status: DeploymentStatus, message: str | None = None
    ) -> None:
        self.standing = Standing(pod_id, status, message)
        await self._tell_all()
