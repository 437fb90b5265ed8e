"""A child of a zygote, with a channel, two pipes and a folder of its own: a sandbox."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pumphouse.executor.channel import Channel
from pumphouse.executor.connections import Connections
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.frames import Answer, Cancel, Job, Ready, Start
from pumphouse.executor.logs import Lines
from pumphouse.executor.pipes import Pipe
from pumphouse.executor.sandbox import Exit
from pumphouse.executor.workspace import Later, remove
from pumphouse.executor.zygote import Zygote

_STREAMS_PATIENCE_S = 0.5


class Child:
    """See Sandbox."""

    def __init__(
        self,
        zygote: Zygote,
        purpose: str,
        later: Later,
        modules: Sequence[str] = (),
    ) -> None:
        """modules: for it to import ahead.

        Raises PlatformFault.
        """
        self._zygote = zygote
        self._later = later
        self.mark = secrets.token_hex(8)
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.allowance = zygote.enclosure.allowance()
        try:
            with contextlib.ExitStack() as undoing:
                self._plot = zygote.enclosure.plot(purpose)
                undoing.callback(later, self._plot.clear)
                connections = Connections.open()
                undoing.pop_all()
        except OSError as error:
            raise PlatformFault(f"No sandbox could be made: {error}") from error
        self.folder = self._plot.folder
        self._pipes = [
            Pipe(descriptor, stream, self.mark)
            for descriptor, stream in zip(connections.outputs, ("stdout", "stderr"), strict=True)
        ]
        self._entering: asyncio.Future[None] | None = None
        self._overrun: str | None = None
        self._channel = Channel(connections.end, self._greeted)
        self._number = zygote.fork(self, self._plot, connections.theirs, modules)

    @property
    def variables(self) -> Mapping[str, str]:
        return self._zygote.enclosure.variables(self.folder)

    @property
    def imported(self) -> Sequence[str]:
        """Libraries that it has imported beyond those of its zygote, once it has told."""
        return self._channel.imported

    def limit(self, memory_bytes: int | None) -> int | None:
        self._zygote.enclosure.overseer.watch(self)
        return self.allowance.limit(memory_bytes)

    def stop(self, overrun: str) -> None:
        """End it for what it used. overrun: as a sentence for the code's author."""
        self._overrun = overrun
        self.kill()

    async def furnish(self, code: Path) -> None:
        try:
            if self._plot.has(code):
                self._plot.furnish(code, self.own)
            else:
                await asyncio.to_thread(self._plot.furnish, code, self.own)
        except OSError as error:
            raise PlatformFault(f"The code cannot be copied: {error}") from error

    def own(self, path: Path) -> None:
        self._zygote.enclosure.own(path)

    def remove(self, path: Path) -> None:
        self._later(partial(remove, path))

    async def ready(self) -> None:
        await self._channel.ready()
        if self._entering is not None:
            await asyncio.wait([self._entering])

    async def send(self, message: Start | Job | Cancel) -> None:
        if isinstance(message, Start):
            try:
                self._plot.begin()
            except OSError as error:
                raise PlatformFault(f"A sandbox has lost its folder: {error}") from error
        await self._channel.send(message)

    async def receive(self) -> Answer | None:
        return await self._channel.receive()

    def write_to(self, log: Lines | None) -> None:
        for pipe in self._pipes:
            pipe.write_to(log)

    async def caught_up(self) -> None:
        for pipe in self._pipes:
            await pipe.caught_up()

    def kill(self) -> None:
        if not self.ended.done():
            self._zygote.kill(self._number)

    async def finish(self, patience_s: float) -> Exit:
        try:
            await asyncio.wait([self.ended], timeout=patience_s)
            self.kill()
            end = await asyncio.shield(self.ended)
            await asyncio.wait([pipe.closed for pipe in self._pipes], timeout=_STREAMS_PATIENCE_S)
        finally:
            self.kill()
            self._channel.forget()
            self._clear()
        for pipe in self._pipes:
            pipe.abandon()
        return end

    def forget(self) -> None:
        """Clear away what is left of one that ended before anything was done with it."""
        for pipe in self._pipes:
            pipe.abandon()
        self._clear()

    def _clear(self) -> None:
        """Once nothing can write there any more."""
        if not self.ended.done():
            self.ended.add_done_callback(lambda _: self._clear())
        elif not self._plot.take_back():
            self._later(self._plot.clear)

    def ends(self, end: Exit) -> None:
        """Its zygote tells: it is gone, with all that it started."""
        self._channel.drain()
        self._zygote.enclosure.overseer.leave(self)
        if self._entering is None or self._entering.done():
            self._conclude(end)
        else:
            self._entering.add_done_callback(lambda _: self._conclude(end))

    def _conclude(self, end: Exit) -> None:
        overrun = self._overrun or self.allowance.overrun()
        self.allowance.end()
        self.ended.set_result(replace(end, overrun=overrun))

    def _greeted(self, ready: Ready, pid: int | None) -> None:
        """Raises PlatformFault when it must not be given user code."""
        self._zygote.enclosure.check(ready)
        self.allowance.pid = pid
        if self.allowance.awaits_group:
            # In a thread, because the kernel lets it wait while processes are being forked.
            loop = asyncio.get_running_loop()
            self._entering = loop.run_in_executor(None, self.allowance.begin)
