"""The object store, by the links that the platform signs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from pumphouse.sdk.aio.bodies import FormBody, sliced
from pumphouse.sdk.aio.concurrency import off_the_loop, sleep
from pumphouse.sdk.errors import SdkError, Unreachable
from pumphouse.sdk.forms import MultipartForm
from pumphouse.sdk.progress import Progress, progress_bar
from pumphouse.sdk.sources import Source
from pumphouse.sdk.store_answers import broken_off, place, store_error
from pumphouse.sdk.targets import Write

PAUSES_S = (0.1, 0.5, 2.0)
"""Between the attempts at a request that the store does not answer, or not now."""

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=3.0)
_MOST_REDIRECTIONS = 5
_LONGEST_ERROR_BYTES = 65_536
_PIECE_BYTES = 262_144
_AS_STORED = {"Accept-Encoding": "identity"}

T = TypeVar("T")


class ObjectStore:
    """Requests to signed links, which carry their permission: no token goes along. Safe for many
    tasks of one event loop.

    progress: whether to show bars, None for on terminals. wire: replaces the network, for tests.
    Its calls raise what an answer stands for, such as NotFound, or Forbidden for a link that has
    expired; and Unreachable when nobody answers or the store has trouble.
    """

    def __init__(
        self, progress: bool | None = None, wire: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._progress = progress
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS, transport=wire)

    async def close(self) -> None:
        await self._http.aclose()

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Progress]:
        """A progress bar, if they are to be shown. total: bytes, None if it is not known."""
        with progress_bar(self._progress, what, total) as bar:
            yield bar

    async def put(self, url: str, headers: Mapping[str, str], content: bytes) -> str | None:
        """Send one part. Its ETag, if the store gives one."""
        sized = {**headers, "Content-Length": str(len(content))}
        request = self._http.build_request("PUT", url, headers=sized, content=sliced(content))
        etag: str | None = (await self._ask(request)).get("ETag")
        return etag

    async def post(
        self, url: str, fields: Mapping[str, str], source: Source, bar: Progress
    ) -> None:
        """Send a source of known size by a form, again from its beginning if that fails."""
        file = (source.name or "file", source, "application/octet-stream")
        form = MultipartForm(fields, {"file": file})
        headers = {"Content-Type": form.content_type, "Content-Length": str(form.length)}

        async def send() -> None:
            body: Any = FormBody(form, bar)
            await self._ask(self._http.build_request("POST", url, headers=headers, content=body))

        await persistently(send)

    async def get(self, url: str, write: Write, what: str) -> None:
        """Receive an object to its last byte. what: stands beside the progress bar."""
        reply = await persistently(lambda: self._ask_where_it_is(url))
        try:
            length = reply.headers.get("Content-Length")
            with self.bar(what, int(length) if length else None) as bar:
                async for piece in _pieces(reply):
                    await off_the_loop(write, piece)
                    bar.update(len(piece))
        finally:
            await reply.aclose()

    async def _ask_where_it_is(self, url: str) -> httpx.Response:
        request = self._http.build_request("GET", url, headers=_AS_STORED)
        for _ in range(_MOST_REDIRECTIONS):
            reply = await self._send(request)
            following = reply.next_request
            if following is None or following.url.scheme != request.url.scheme:
                return await _checked(reply)
            await reply.aclose()
            request = following
        raise SdkError(f"{place(request)} redirects without end.")

    async def _ask(self, request: httpx.Request) -> httpx.Headers:
        """The headers of the answer, which is read to its end: the connection is used again."""
        reply = await _checked(await self._send(request))
        async for _ in _pieces(reply):
            pass
        return reply.headers

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            raise broken_off(request, error) from error


async def persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What an attempt gives. It is made again after each of PAUSES_S while it is Unreachable."""
    for pause_s in PAUSES_S:
        try:
            return await attempt()
        except Unreachable:
            await sleep(pause_s)
    return await attempt()


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.aiter_raw(_PIECE_BYTES):
            yield piece
    except httpx.HTTPError as error:
        raise broken_off(reply.request, error) from error


async def _checked(reply: httpx.Response) -> httpx.Response:
    """The same answer. Raises, and closes it, if it is an error."""
    if reply.is_success:
        return reply
    text = ""
    try:
        async for piece in _pieces(reply):
            text += piece.decode(errors="replace")
            if len(text) >= _LONGEST_ERROR_BYTES:
                break
    finally:
        await reply.aclose()
    raise store_error(reply, text)
