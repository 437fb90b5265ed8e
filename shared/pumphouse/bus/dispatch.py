"""Running work items side by side: at most so many at once, and one at a time for each key."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


class Dispatcher:
    """Starts work in the order of arrival, at most `limit` items at once.

    Work must not raise. A task that ends one item goes on with the next that waits, so that a
    backlog costs no task for each message.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ready: deque[tuple[Work, str | None]] = deque()
        self._behind: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = contextvars.copy_context()

    @property
    def is_idle(self) -> bool:
        return not self._tasks

    def submit(self, work: Work, key: str | None = None) -> None:
        """Run `work` once its turn has come, after all earlier work of the same key."""
        if key is not None:
            behind = self._behind.get(key)
            if behind is not None:
                behind.append(work)
                return
            self._behind[key] = deque()
        self._ready.append((work, key))
        self._start()

    def drop_waiting(self) -> None:
        """Forget what has not started."""
        for _, key in self._ready:
            if key is not None:
                del self._behind[key]
        self._ready.clear()
        for behind in self._behind.values():
            behind.clear()

    async def drain(self, timeout: float) -> None:
        """Return when all work is done; what is not done after `timeout` seconds is cancelled."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self._tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        self.drop_waiting()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        if len(self._tasks) < self._limit:
            # A copy of its own: work must not see the context variables of who submitted it.
            task = asyncio.get_running_loop().create_task(
                self._run_ready(), context=self._context.copy()
            )
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task in self._tasks:  # it was cancelled, and has left its place to nobody
            self._tasks.discard(task)
            if self._ready:
                self._start()

    async def _run_ready(self) -> None:
        while self._ready:
            work, key = self._ready.popleft()
            try:
                await work()
            finally:
                if key is not None:
                    self._release(key)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)

    def _release(self, key: str) -> None:
        behind = self._behind[key]
        if behind:
            self._ready.appendleft((behind.popleft(), key))
        else:
            del self._behind[key]
