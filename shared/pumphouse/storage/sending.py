"""The body of a request on its way to the store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter


@dataclass(frozen=True)
class Body:
    """What a request carries. size: in bytes. chunks: gives it from its beginning at each call."""

    size: int
    chunks: Callable[[], AsyncIterator[bytes | memoryview]]


class Sending(Payload):
    """Sends a body; each chunk that the store takes gives it another `stall_s` seconds.

    failure: what the source of the body raised, which comes out of the session as a failure of
    the connection.
    """

    def __init__(self, body: Body, limit: asyncio.Timeout, stall_s: float) -> None:
        super().__init__(body)
        self._size = body.size
        self._body = body
        self._limit = limit
        self._stall_s = stall_s
        self.failure: Exception | None = None

    async def write(self, writer: AbstractStreamWriter) -> None:
        connection = writer.transport if isinstance(writer, StreamWriter) else None
        try:
            async for chunk in self._source():
                await writer.write(chunk)
                if not self._limit.expired():
                    self._limit.reschedule(asyncio.get_running_loop().time() + self._stall_s)
        except BaseException:
            # Closing would first send what is buffered, and wait for a store to take it.
            if connection is not None:
                connection.abort()
            raise

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("A body is sent, and never whole in memory.")

    async def _source(self) -> AsyncIterator[bytes | memoryview]:
        try:
            async for chunk in self._body.chunks():
                yield chunk
        except Exception as error:
            self.failure = error
            raise
