"""Who was first is let through first, however long others take to be ready."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A stand in a line."""

    def __init__(self, line: "Line") -> None:
        self._line = line
        self._has_come = asyncio.Event()

    async def come(self) -> None:
        """Return when all that came earlier have left."""
        await self._has_come.wait()

    def leave(self) -> None:
        """Let the next one through."""
        self._line.leave(self)

    def call(self) -> None:
        self._has_come.set()


class Line:
    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()

    @contextmanager
    def joined(self) -> Iterator[Turn]:
        """A stand at the end of the line, which is left with the context at the latest."""
        turn = Turn(self)
        self._turns.append(turn)
        self._call_first()
        try:
            yield turn
        finally:
            self.leave(turn)

    def leave(self, turn: Turn) -> None:
        if turn in self._turns:
            self._turns.remove(turn)
            self._call_first()

    def _call_first(self) -> None:
        if self._turns:
            self._turns[0].call()
