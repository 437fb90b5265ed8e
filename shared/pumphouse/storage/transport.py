"""The one HTTP session to the store, and its failures in the words of the platform."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from pumphouse.errors import Unavailable
from pumphouse.storage.refusals import refusal
from pumphouse.storage.sending import Body, Sending

CHUNK_BYTES = 262_144
"""What is read and written at once, in bytes."""

_CONNECT_S = 5.0
STALL_S = 60.0
"""How long nothing may move, in seconds; whole transfers are not limited."""

_CONNECTIONS = 512
_ANSWER_BYTES = 65_536

_Failures = (aiohttp.ClientError, OSError, TimeoutError)
_Broken = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


@dataclass(frozen=True)
class Answer:
    headers: Mapping[str, str]
    content: bytes


class Reading:
    """An object on its way. size: in bytes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.size = int(response.headers.get("Content-Length", 0))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises Unavailable when it ends before `size` bytes."""
        received = 0
        try:
            async for chunk in self._response.content.iter_chunked(4 * CHUNK_BYTES):
                received += len(chunk)
                yield chunk
        except _Failures as error:
            raise _no_answer(error) from error
        if received != self.size:
            raise Unavailable(f"The object store broke off after {received} of {self.size} bytes.")


class Transport:
    """Sends signed requests. Every method raises what `refusal` makes of the store's answer,
    and Unavailable when there is none."""

    def __init__(self, session: aiohttp.ClientSession, stall_s: float) -> None:
        self._session = session
        self._stall_s = stall_s
        self._work: set[asyncio.Task[None]] = set()

    async def to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for the work, which goes on when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for the work whose callers were cancelled."""
        await asyncio.gather(*self._work, return_exceptions=True)

    async def call(
        self,
        method: str,
        url: str,
        *,
        absent: str,
        body: Body | None = None,
        is_repeatable: bool = True,
    ) -> Answer:
        """A request whose answer is small.

        absent: says what is missing when the store answers 404.
        is_repeatable: send it once more when the connection breaks, as one does that was kept
        open to a store that was restarted since.
        """
        try:
            return await self._send(method, url, absent, body)
        except _Broken as error:
            if not is_repeatable or isinstance(error, aiohttp.ClientConnectorError):
                raise _no_answer(error) from error
        except _Failures as error:
            raise _no_answer(error) from error
        try:
            return await self._send(method, url, absent, body)
        except _Failures as error:
            raise _no_answer(error) from error

    async def _send(self, method: str, url: str, absent: str, body: Body | None) -> Answer:
        async with asyncio.timeout(self._stall_s) as limit:
            sending = None if body is None else Sending(body, limit, self._stall_s)
            try:
                async with self._session.request(
                    method, URL(url, encoded=True), data=sending, allow_redirects=False
                ) as response:
                    content = await response.read()
            except _Failures:
                if sending is not None and sending.failure is not None:
                    raise sending.failure from None
                raise
        if response.status >= 300:
            raise refusal(response.status, content, absent)
        return Answer(response.headers, content)

    @asynccontextmanager
    async def reading(self, url: str, *, absent: str) -> AsyncIterator[Reading]:
        response = await self._open(url)
        try:
            if response.status >= 300:
                with suppress(*_Failures):
                    raise refusal(
                        response.status, await response.content.read(_ANSWER_BYTES), absent
                    )
                raise refusal(response.status, b"", absent)
            yield Reading(response)
        finally:
            response.close()

    async def _open(self, url: str) -> aiohttp.ClientResponse:
        try:
            return await self._session.get(URL(url, encoded=True), allow_redirects=False)
        except _Failures as error:
            raise _no_answer(error) from error


def connector_to(socket: str | None, *, limit: int) -> aiohttp.BaseConnector:
    """Connections to the Unix socket, or by TCP to the host of each URL when there is none.

    limit: how many at once, 0 for any number.
    """
    if socket is None:
        return aiohttp.TCPConnector(limit=limit)
    return aiohttp.UnixConnector(socket, limit=limit)


@asynccontextmanager
async def open_transport(
    stall_s: float = STALL_S, *, socket: str | None = None
) -> AsyncIterator[Transport]:
    """socket: as in `StoreAddress`."""
    async with aiohttp.ClientSession(
        connector=connector_to(socket, limit=_CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=stall_s),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        read_bufsize=4 * CHUNK_BYTES,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        transport = Transport(session, stall_s)
        try:
            yield transport
        finally:
            await transport.finish()


def _no_answer(error: Exception) -> Unavailable:
    """Without the texts that show a signed URL."""
    if isinstance(error, TimeoutError):
        reason = "it took too long"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = str(error)
    else:
        reason = f"the connection broke ({type(error).__name__})"
    return Unavailable(f"The object store does not answer: {reason}")
