"""Children that wait for work."""

import asyncio
from collections import deque

from pumphouse.executor.child import Child


class Spares:
    def __init__(self) -> None:
        self._waiting: deque[Child] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, child: Child) -> None:
        self._waiting.append(child)

    def take(self) -> Child | None:
        """The one that has waited longest, if any is alive."""
        while self._waiting:
            child = self._waiting.popleft()
            if not child.ended.done():
                return child
            child.forget()
        return None

    async def end(self) -> None:
        """End them all."""
        await asyncio.gather(*(child.finish(0) for child in self._waiting))
        self._waiting.clear()
