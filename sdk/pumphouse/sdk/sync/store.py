# Generated from pumphouse/sdk/aio/store.py by `make sdk`: change that file instead.
"""The object store, by the links that the platform signs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from pumphouse.sdk.errors import SdkError, Unreachable
from pumphouse.sdk.forms import MultipartForm
from pumphouse.sdk.progress import Progress, progress_bar
from pumphouse.sdk.sources import Source
from pumphouse.sdk.store_answers import broken_off, place, store_error
from pumphouse.sdk.sync.bodies import FormBody, sliced
from pumphouse.sdk.sync.concurrency import off_the_loop, sleep
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
    """Requests to signed links, which carry their permission: no token goes along. Thread-safe.

    progress: whether to show bars, None for on terminals. wire: replaces the network, for tests.
    Its calls raise what an answer stands for, such as NotFound, or Forbidden for a link that has
    expired; and Unreachable when nobody answers or the store has trouble.
    """

    def __init__(
        self, progress: bool | None = None, wire: httpx.BaseTransport | None = None
    ) -> None:
        self._progress = progress
        self._http = httpx.Client(timeout=_TIMEOUT, limits=_LIMITS, transport=wire)

    def close(self) -> None:
        self._http.close()

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Progress]:
        """A progress bar, if they are to be shown. total: bytes, None if it is not known."""
        with progress_bar(self._progress, what, total) as bar:
            yield bar

    def put(self, url: str, headers: Mapping[str, str], content: bytes) -> str | None:
        """Send one part. Its ETag, if the store gives one."""
        sized = {**headers, "Content-Length": str(len(content))}
        request = self._http.build_request("PUT", url, headers=sized, content=sliced(content))
        etag: str | None = (self._ask(request)).get("ETag")
        return etag

    def post(self, url: str, fields: Mapping[str, str], source: Source, bar: Progress) -> None:
        """Send a source of known size by a form, again from its beginning if that fails."""
        file = (source.name or "file", source, "application/octet-stream")
        form = MultipartForm(fields, {"file": file})
        headers = {"Content-Type": form.content_type, "Content-Length": str(form.length)}

        def send() -> None:
            body: Any = FormBody(form, bar)
            self._ask(self._http.build_request("POST", url, headers=headers, content=body))

        persistently(send)

    def get(self, url: str, write: Write, what: str) -> None:
        """Receive an object to its last byte. what: stands beside the progress bar."""
        reply = persistently(lambda: self._ask_where_it_is(url))
        try:
            length = reply.headers.get("Content-Length")
            with self.bar(what, int(length) if length else None) as bar:
                for piece in _pieces(reply):
                    off_the_loop(write, piece)
                    bar.update(len(piece))
        finally:
            reply.close()

    def _ask_where_it_is(self, url: str) -> httpx.Response:
        request = self._http.build_request("GET", url, headers=_AS_STORED)
        for _ in range(_MOST_REDIRECTIONS):
            reply = self._send(request)
            following = reply.next_request
            if following is None or following.url.scheme != request.url.scheme:
                return _checked(reply)
            reply.close()
            request = following
        raise SdkError(f"{place(request)} redirects without end.")

    def _ask(self, request: httpx.Request) -> httpx.Headers:
        """The headers of the answer, which is read to its end: the connection is used again."""
        reply = _checked(self._send(request))
        for _ in _pieces(reply):
            pass
        return reply.headers

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            raise broken_off(request, error) from error


def persistently(attempt: Callable[[], T]) -> T:
    """What an attempt gives. It is made again after each of PAUSES_S while it is Unreachable."""
    for pause_s in PAUSES_S:
        try:
            return attempt()
        except Unreachable:
            sleep(pause_s)
    return attempt()


def _pieces(reply: httpx.Response) -> Iterator[bytes]:
    try:
        yield from reply.iter_raw(_PIECE_BYTES)
    except httpx.HTTPError as error:
        raise broken_off(reply.request, error) from error


def _checked(reply: httpx.Response) -> httpx.Response:
    """The same answer. Raises, and closes it, if it is an error."""
    if reply.is_success:
        return reply
    text = ""
    try:
        for piece in _pieces(reply):
            text += piece.decode(errors="replace")
            if len(text) >= _LONGEST_ERROR_BYTES:
                break
    finally:
        reply.close()
    raise store_error(reply, text)
