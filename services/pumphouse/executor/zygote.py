"""A process in one environment that forks a child for each use, seen from the executor."""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pumphouse.executor import runner
from pumphouse.executor.connections import Connections
from pumphouse.executor.enclosure import Enclosure
from pumphouse.executor.exits import watch_exit
from pumphouse.executor.faults import PlatformFault
from pumphouse.executor.logs import Tail
from pumphouse.executor.pipes import Pipe
from pumphouse.executor.plot import Plot
from pumphouse.executor.sandbox import Exit
from pumphouse.executor.zygote_frames import (
    Exited,
    Fork,
    Kill,
    Load,
    Loaded,
    Notice,
    NoticeReader,
    Order,
    Unforked,
    encode_order,
)

log = logging.getLogger(__name__)

START = Path(runner.__path__[0]) / "start.py"

LOADS_WITHIN_S = 120.0
"""For the libraries that it imports."""

KILLS_WITHIN_S = 10.0

_PATH = "/usr/local/bin:/usr/bin:/bin"
_READ_SIZE = 1 << 16


class Forked(Protocol):
    """What a zygote tells of one of its children."""

    def ends(self, end: Exit) -> None: ...


class Zygote:
    """Made on the thread of the event loop: the kernel ties the two together.

    ended: done when the process and all its children are gone.
    """

    def __init__(self, enclosure: Enclosure, interpreter: Path) -> None:
        """Raises PlatformFault when the system has no room for another process."""
        self._loop = asyncio.get_running_loop()
        self.enclosure = enclosure
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loaded: asyncio.Future[Loaded] = self._loop.create_future()
        self._numbers = itertools.count(1)
        self._children: dict[int, Forked] = {}
        self._orders: deque[tuple[bytes, list[int]]] = deque()
        self._notices = NoticeReader()
        self._is_retired = False
        self._lifeline: int | None = None
        self._said = Tail()
        try:
            self._popen, connections = self._spawn(interpreter)
        except OSError as error:
            raise PlatformFault(f"No zygote could be started: {error}") from error
        self._socket = connections.end
        for descriptor in connections.outputs:
            Pipe(descriptor, "stderr", "").write_to(self._said)
        self._loop.add_reader(self._socket.fileno(), self._read)
        watch_exit(self._popen.pid, self._exited)

    async def load(self, modules: Sequence[str], environment: Mapping[str, str]) -> Loaded:
        """Have it import libraries; to be called once, before all else. Raises PlatformFault."""
        found = {**self.enclosure.variables(None), **environment}
        self._order(Load(modules=list(modules), environment=found))
        try:
            async with asyncio.timeout(LOADS_WITHIN_S):
                either: list[asyncio.Future[Any]] = [self._loaded, self.ended]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            self.destroy()
            raise PlatformFault(f"A zygote was not ready within {LOADS_WITHIN_S:g} s.") from error
        if not self._loaded.done():
            raise PlatformFault(f"A zygote could not be started: {self._said.text()}")
        return self._loaded.result()

    @property
    def is_over(self) -> bool:
        return self._is_retired or self.ended.done()

    @property
    def said(self) -> str:
        """The last lines that its libraries wrote."""
        return self._said.text()

    def fork(
        self,
        child: Forked,
        plot: Plot,
        descriptors: Sequence[int],
        modules: Sequence[str] = (),
    ) -> int:
        """Order a child, which gets the descriptors; its number. They are closed here."""
        number = next(self._numbers)
        self._children[number] = child
        order = Fork(
            number=number,
            walls=plot.walls,
            modules=list(modules),
            environment=self.enclosure.variables(plot.folder) if modules else {},
        )
        self._order(order, list(descriptors))
        return number

    def kill(self, number: int) -> None:
        """End a child with all that it started; with the whole zygote where that does not help."""
        if number not in self._children:
            return
        self._order(Kill(number=number))

        def look() -> None:
            if number in self._children and not self.ended.done():
                log.warning("a zygote did not end a child, and is ended with all of them")
                self.destroy()

        self._loop.call_later(KILLS_WITHIN_S, look)

    def retire(self) -> None:
        """Order no more children; end when the last one is gone."""
        self._is_retired = True
        if not self._children:
            self.destroy()

    def destroy(self) -> None:
        """End it with all its children, at once."""
        self._is_retired = True
        if self.ended.done():
            return
        self._close_lifeline()
        if self.enclosure.has_view:
            # Before it is reaped: until then no stranger can have got its number.
            with contextlib.suppress(OSError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    # -- orders

    def _order(self, order: Order, descriptors: list[int] | None = None) -> None:
        self._orders.append((encode_order(order), descriptors or []))
        if len(self._orders) == 1:
            self._send()

    def _send(self) -> None:
        """Send what is waiting; the rest when there is room again."""
        while self._orders:
            data, descriptors = self._orders[0]
            try:
                sent = socket.send_fds(self._socket, [data], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._send)
                return
            except OSError:
                sent = len(data)  # it is gone, which its exit tells
            for descriptor in descriptors:
                os.close(descriptor)
            if sent < len(data):
                self._orders[0] = (data[sent:], [])
            else:
                self._orders.popleft()
        self._loop.remove_writer(self._socket.fileno())

    # -- notices

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            for notice in self._notices.feed(data):
                self._take(notice)
        except PlatformFault as fault:
            fault.report(log)
            data = b""
        if not data:
            self._loop.remove_reader(self._socket.fileno())
            self.destroy()

    def _take(self, notice: Notice) -> None:
        match notice:
            case Loaded():
                if not self._loaded.done():
                    self._loaded.set_result(notice)
            case Unforked(number, message):
                log.error("a zygote could not fork: %s", message)
                self._ended_child(number, Exit(None))
            case Exited(number, status):
                self._ended_child(number, Exit(status))

    def _ended_child(self, number: int, end: Exit) -> None:
        if (child := self._children.pop(number, None)) is not None:
            child.ends(end)
        if self._is_retired and not self._children:
            self.destroy()

    def _exited(self) -> None:
        self._popen.wait()
        self._close_lifeline()
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        for _, descriptors in self._orders:
            for descriptor in descriptors:
                os.close(descriptor)
        self._orders.clear()
        self.ended.set_result(None)
        for number in list(self._children):
            self._ended_child(number, Exit(None))

    def _spawn(self, interpreter: Path) -> tuple[subprocess.Popen[bytes], Connections]:
        connections = Connections.open()
        handle, output, errors = connections.theirs
        lifeline, self._lifeline = os.pipe()
        try:
            popen = subprocess.Popen(  # noqa: S603 - all of it is our own
                [
                    *self.enclosure.command(lifeline, [handle]),
                    *(str(interpreter), "-I", "-B", "-X", "utf8", str(START), str(handle)),
                ],
                env={"PATH": f"{interpreter.parent}:{_PATH}", "LANG": "C.UTF-8"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=[handle] if self.enclosure.has_view else [handle, lifeline],
                start_new_session=True,
            )
        except OSError:
            self._close_lifeline()
            connections.end.close()
            for descriptor in connections.outputs:
                os.close(descriptor)
            raise
        finally:
            for descriptor in (lifeline, *connections.theirs):
                os.close(descriptor)
        return popen, connections
