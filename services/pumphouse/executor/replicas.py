"""The pods of one low latency deployment on this executor."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.pods import PodReported
from pumphouse.executor.endings import Ending
from pumphouse.executor.line import Line, Turn
from pumphouse.executor.lives import Lives
from pumphouse.executor.pod import Pod
from pumphouse.executor.record import Record
from pumphouse.executor.standings import roomiest, together
from pumphouse.executor.work import Work


class Stand:
    """A stand in the line before the pods; see Place."""

    def __init__(self, replicas: "Replicas", turn: Turn) -> None:
        self._replicas = replicas
        self._turn = turn

    async def run(self, work: Work, record: Record) -> Ending:
        return await self._replicas.run(work, record, self._turn)


class Replicas:
    """Gives each execution to one of the pods, and reports how all of them stand.

    The number of its pods is the whole deployment's: one executor holds its queue. With leases it
    would be the number that this executor has been given; nothing else here would change.
    """

    def __init__(
        self,
        deployment_id: str,
        count: int,
        lives: Lives,
        variables: Callable[[], dict[str, str]],
        report: Callable[[PodReported], Awaitable[None]],
    ) -> None:
        """variables: of the deployment's environment, as they are now."""
        self._deployment_id = deployment_id
        self._lives = lives
        self._report = report
        self._line = Line()
        self._choosing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._pods = [
            Pod(lives, variables, self._tell, self._changed.set) for _ in range(max(1, count))
        ]
        self._code: Code | None = None
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._telling = asyncio.Lock()
        self._told: PodReported | None = None
        self._is_wanted = False

    @property
    def is_wanted(self) -> bool:
        """Whether the pods shall stay when they are idle, and come back when they die."""
        return self._is_wanted

    @is_wanted.setter
    def is_wanted(self, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        for pod in self._pods:
            pod.is_wanted = is_wanted

    async def ready(self, code: Code) -> None:
        """Have a pod up and report what became of it; the others follow once one is up.

        Code that cannot be imported is thus tried, and told, once. Raises PlatformFault, and
        Unavailable when the code cannot be fetched now.
        """
        self.is_wanted = True
        self._code, self._told = code, None
        await self._pods[0].ready(code)

    @contextmanager
    def in_line(self) -> Iterator[Stand]:
        """A place to run, while the context is open.

        Where jobs are one by one, this holds the order: whoever stands behind begins later, though
        its inputs may be here earlier, and whichever pod it gets.
        """
        with self._line.joined() as turn:
            if self._lives.at_once is not None:
                turn.leave()
            yield Stand(self, turn)

    async def run(self, work: Work, record: Record, turn: Turn) -> Ending:
        """Do the work when a pod has room. Raises PlatformFault and, as `ready`, Unavailable."""
        try:
            with self._holding():
                if self._lives.at_once is None:
                    await turn.come()
                pod = await self._with_room()
                self._code = work.code
                return await pod.run(work, record, begun=turn.leave)
        finally:
            await self._rest()

    async def stop(self) -> None:
        """End the pods as soon as all are idle; a later `run` or `ready` starts others."""
        self.is_wanted = False
        await self._idle.wait()
        await self._rest()
        await self._lives.told()

    async def _with_room(self) -> Pod:
        async with self._choosing:
            while (pod := roomiest(self._pods)) is None:
                self._changed.clear()
                await self._changed.wait()
            return pod

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
        """End processes that nobody wants or uses any more."""
        if not self.is_wanted and not self._in_hand:
            await asyncio.gather(*(pod.rest() for pod in self._pods))

    async def _tell(self) -> None:
        """Report how the pods stand, in the order of what happens to them."""
        self._changed.set()
        self._complete()
        async with self._telling:
            known = [pod.standing for pod in self._pods if pod.standing is not None]
            report = together(self._deployment_id, known)
            if report != self._told:
                self._told = report
                await self._report(report)

    def _complete(self) -> None:
        """Where one pod has come up, the code is good: have the others up as well."""
        if self._code is not None and any(pod.is_up for pod in self._pods):
            for pod in self._pods:
                if not pod.is_up:
                    pod.revive(self._code)
