"""One process of a pod, from its start to its end, and the jobs that it has in hand."""

import asyncio
import contextlib
import itertools
from functools import partial

from msgspec.structs import replace

from pumphouse.contracts.catalog import Code
from pumphouse.executor.descriptors import close_aside
from pumphouse.executor.elastic import EXIT_PATIENCE_S, exit_of
from pumphouse.executor.endings import end_of_process
from pumphouse.executor.faults import PlatformFault, SandboxLost
from pumphouse.executor.frames import Answer, Cancel, Failed, Returned, Wrote
from pumphouse.executor.logs import Lines, LineSplitter
from pumphouse.executor.pod_log import PodLog
from pumphouse.executor.sandbox import Exit
from pumphouse.executor.work import Work
from pumphouse.executor.workplace import Workplace


class Call:
    """One job in a process. answer: the runner's; None when none can come any more.

    is_stuck: its end has been told, though it goes on.
    """

    def __init__(self, number: int, log: Lines) -> None:
        self.number = number
        self.answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self.is_stuck = False
        self._log = log
        self._lines = {
            stream: LineSplitter(partial(self._take, stream)) for stream in ("stdout", "stderr")
        }

    def write(self, wrote: Wrote) -> None:
        self._lines[wrote.stream].feed(wrote.text.encode())

    def write_to(self, log: Lines) -> None:
        self._log = log

    def settle(self, answer: Answer | None) -> None:
        for lines in self._lines.values():
            lines.flush()
        self.answer.set_result(answer)

    def abandon(self) -> None:
        """Nobody takes the answer any more: what comes with it is closed."""
        self.answer.add_done_callback(_close_files)

    def _take(self, stream: str, line: bytes, cut: int) -> None:
        self._log.add(stream, line, cut)


class Life:
    """Has at most one job in hand, or `most` side by side when the process is parallel.

    log: of what it writes outside of jobs. is_async: its jobs can be cancelled. exit: how the
    process ended, None while that is not known. lost_at_once: how many jobs ended with it.
    """

    def __init__(
        self,
        place: Workplace,
        code: Code,
        environment: dict[str, str],
        log: PodLog,
        *,
        most: int,
        is_parallel: bool,
        is_async: bool,
    ) -> None:
        """environment: as the process has it."""
        self.code = code
        self.log = log
        self.is_parallel = is_parallel
        self.is_async = is_async
        self.is_over = False
        self.exit: Exit | None = None
        self.lost_at_once = 0
        self._most = most
        self._place = place
        self._environment = environment
        self._calls: dict[int, Call] = {}
        self._numbers = itertools.count(1)
        self._is_stopped = False
        self._ending: asyncio.Task[None] | None = None
        self.lost = asyncio.create_task(self._listen())
        """Done when no answer can come any more; cancelled when it was ended on purpose."""

    @property
    def id(self) -> str:
        return self.log.pod_id

    async def begin(self, work: Work, log: Lines) -> Call:
        """Hand over a job. Raises SandboxLost when it has not begun, and PlatformFault."""
        sandbox = self._place.sandbox
        if self.is_over:
            raise SandboxLost("The process has ended.")
        environment = self._place.environment(work.variables)
        job, inbox = await self._place.brought(work)
        call = Call(next(self._numbers) if self.is_parallel else 0, log)
        self._calls[call.number] = call
        if not self.is_parallel:
            sandbox.write_to(log)
        if inbox is not None:
            call.answer.add_done_callback(lambda _: sandbox.remove(inbox))
        job = replace(job, number=call.number)
        if environment != self._environment:
            job = replace(job, environment=environment)
        try:
            await sandbox.send(job)
        except BaseException as error:
            self._calls.pop(call.number, None)
            call.answer.cancel()
            if not self.is_parallel:
                sandbox.write_to(self.log)
            if not isinstance(error, SandboxLost | PlatformFault):
                self.kill()  # it may have half of the frame
            raise
        self._environment = environment
        return call

    async def cancel(self, call: Call, patience_s: float) -> None:
        """Ask for the early end of a job, and give it some time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                with contextlib.suppress(SandboxLost):
                    await self._place.sandbox.send(Cancel(number=call.number))
                await asyncio.shield(call.answer)

    async def end_log(self, call: Call) -> None:
        """Return when the log of an answered job is complete."""
        if not self.is_parallel:
            await self._place.sandbox.caught_up()
            self._place.sandbox.write_to(self.log)

    def is_clogged(self) -> bool:
        """Whether nothing but stuck jobs can be expected of it.

        A coroutine that cannot be cancelled most likely holds up all others of its loop.
        """
        stuck = sum(call.is_stuck for call in self._calls.values())
        return stuck >= self._most or (self.is_async and stuck == len(self._calls))

    async def idle(self) -> None:
        """Return when it has none but stuck jobs in hand."""
        if answers := [call.answer for call in self._calls.values() if not call.is_stuck]:
            await asyncio.wait(answers)

    def kill(self, reason: str | None = None) -> None:
        """End the process at once. reason: for its log."""
        if not self.is_over and reason is not None:
            self.log.note(reason)
        self._is_stopped = True
        self.is_over = True
        self._place.sandbox.kill()

    async def end(self) -> None:
        """End the process and clear away what it had; return when that is done."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        if not self.is_over:
            self.log.note("the process is stopped")
            self._is_stopped = True
        elif not self._is_stopped:  # how it has ended by itself is about to be known
            await asyncio.wait([self.lost], timeout=EXIT_PATIENCE_S + 1)
        self.is_over = True
        end = await self._place.clear(0)
        if self.lost.cancel():
            self._settle_all(None, end)
        self.log.close()

    async def _listen(self) -> None:
        while (answer := await self._place.sandbox.receive()) is not None:
            if isinstance(answer, Wrote):
                self._write(answer)
                continue
            number = answer.number if isinstance(answer, Returned | Failed) else 0
            if (call := self._calls.pop(number, None)) is None:
                break  # it is no job's, but says that the process cannot be understood any more
            call.settle(answer)
        self.is_over = True
        ended = self._place.sandbox.ended
        end = await exit_of(ended, EXIT_PATIENCE_S if answer is None else 0)
        if not self._is_stopped:
            self.log.note(end_of_process(end))
        self._settle_all(answer, end)

    def _write(self, wrote: Wrote) -> None:
        if (call := self._calls.get(wrote.number)) is not None:
            call.write(wrote)

    def _settle_all(self, answer: Answer | None, end: Exit | None) -> None:
        self.exit = end
        calls = list(self._calls.values())
        self._calls.clear()
        self.lost_at_once = len(calls)
        for call in calls:
            call.settle(answer)


def _close_files(settled: asyncio.Future[Answer | None]) -> None:
    if settled.cancelled():
        return
    answer = settled.result()
    if isinstance(answer, Returned):
        close_aside([file.descriptor for file in answer.files])
