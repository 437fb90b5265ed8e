"""Who waits for which reply."""

import asyncio

from pumphouse.contracts.message import Message
from pumphouse.errors import PumphouseError


class Replies:
    """Futures by correlation id; several may wait for one reply."""

    def __init__(self) -> None:
        self._expected: dict[str, list[asyncio.Future[Message]]] = {}

    def expect(self, correlation_id: str) -> asyncio.Future[Message]:
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._expected.setdefault(correlation_id, []).append(future)

        def forget(_: asyncio.Future[Message]) -> None:
            waiting = self._expected.get(correlation_id)
            if waiting is not None and future in waiting:
                waiting.remove(future)
                if not waiting:
                    del self._expected[correlation_id]

        future.add_done_callback(forget)
        return future

    def resolve(self, correlation_id: str, reply: Message) -> None:
        """Nothing happens when nobody waits (any more)."""
        for future in self._expected.pop(correlation_id, ()):
            if not future.done():
                future.set_result(reply)

    def fail(self, correlation_id: str, error: PumphouseError) -> None:
        for future in self._expected.pop(correlation_id, ()):
            if not future.done():
                future.set_exception(error)

    def fail_all(self, error: PumphouseError) -> None:
        for correlation_id in list(self._expected):
            self.fail(correlation_id, error)
