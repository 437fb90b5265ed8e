"""A process that has imported libraries and no user's code, and forks a child for each use."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any

from pumphouse.executor.runner import child, processes, walls
from pumphouse.executor.runner.channel import Orders
from pumphouse.executor.runner.preloading import Preloaded

SET_UP_FAILED = 70
"""Exit status of a child that could not become a place for user code."""


class Zygote:
    """Serves one executor. Every child ends with it, and it ends with the executor."""

    def __init__(self, descriptor: int) -> None:
        self._orders = Orders(descriptor)
        self._children: dict[int, int] = {}
        """By process id, the number that the executor has given."""
        os.environ.pop("PWD", None)  # bubblewrap's, which no execution is in
        self._bare = dict(os.environ)

    def serve(self) -> None:
        """Load what the first order says, then do as the others say."""
        gc.disable()
        processes.prepare()
        processes.adopt_orphans()
        processes.tie_to(os.getppid())
        walls.prepare()
        child.prepare()
        first = self._orders.next()
        while first is None:
            if not self._orders.receive():
                os._exit(0)
            first = self._orders.next()
        os.environ.update(first["environment"])
        self._preloaded = Preloaded(first["modules"])
        child.settle_signals()
        self._orders.answer(
            "loaded", hindrance=self._preloaded.hindrance, read=self._preloaded.read
        )
        self._listen()

    def _listen(self) -> None:
        wakes, waker = socket.socketpair()
        for end in (wakes, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._orders.fileno(), select.POLLIN)
        poll.register(wakes.fileno(), select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wakes.fileno():
                    wakes.recv(4096)
                elif not self._orders.receive():
                    self._leave()
            self._reap()
            while True:
                order = self._orders.next()
                if order is None:
                    break
                self._obey(order)

    def _obey(self, order: dict[str, Any]) -> None:
        if order["kind"] == "fork":
            self._fork(order)
        elif order["kind"] == "kill":
            processes.kill_trees([p for p, n in self._children.items() if n == order["number"]])

    def _fork(self, order: dict[str, Any]) -> None:
        descriptors = self._orders.descriptors(3)
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._orders.answer("unforked", number=order["number"], message=str(error))
            pid = -1
        if pid == 0:
            try:
                child.run(order, descriptors, parent, self._bare, self._preloaded)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(SET_UP_FAILED)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            self._children[pid] = order["number"]

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._children.pop(pid, None)
            if number is None:
                continue
            processes.end_orphans(self._children)
            self._orders.answer(
                "exited",
                number=number,
                status=-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
            )

    def _leave(self) -> None:
        """The executor is gone, or wants nothing any more."""
        processes.kill_trees(self._children)
        processes.end_orphans()
        os._exit(0)
