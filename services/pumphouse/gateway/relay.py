"""The way to the object store through the gateway, for clients that have no other.

It adds no rights: what a client sends has been signed with the store's keys, or is refused, and
the store checks the signature and its age.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from yarl import URL

from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.links import RELAY_PATH
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.sharing import Shared
from pumphouse.storage.address import Origin, parse_public_url, parse_store_url
from pumphouse.storage.transport import connector_to

CHUNK_BYTES = 262_144
MAX_FORM_HEAD_BYTES = 65_536
"""Where a form must have shown its signature: the file comes last in it."""

_CONNECT_S = 5.0
_STALL_S = 60.0

_SIGNED_FORM = (b"policy", b"x-amz-signature")
_SIGNED_QUERY = "X-Amz-Signature"

_ASKED = (
    *("Content-Type", "Content-Length", "Content-MD5", "Range"),
    *("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"),
)
_ANSWERED = (
    *("Content-Type", "Content-Length", "Content-Range", "Content-Disposition"),
    *("Content-Encoding", "Accept-Ranges", "ETag", "Last-Modified", "Cache-Control"),
)
_SHIELD = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""A page that somebody has stored must not act as a page of the gateway."""

Body = AsyncIterator[bytes]


class Relay(Shared):
    """Passes signed requests on and the answers back, a little at a time.

    store: where it is. signed_host: what the signatures were made for.
    """

    def __init__(self, session: aiohttp.ClientSession, store: Origin, signed_host: str) -> None:
        self._session = session
        self._store = store
        self._signed_host = signed_host

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes whose signature is the permission, and which only links given out lead to."""
        place = f"{RELAY_PATH}/{{place:path}}"
        taking: dict[str, Any] = {
            "status_code": HTTPStatus.OK,
            "request_max_body_size": None,
            "include_in_schema": False,
        }
        return [
            get(place, include_in_schema=False)(self.download),
            put(place, **taking)(self.upload),
            post(place, **taking)(self.form),
        ]

    async def download(self, request: ApiRequest) -> Response[bytes] | Stream:
        return await self._signed(request, None)

    async def upload(self, request: ApiRequest) -> Response[bytes] | Stream:
        return await self._signed(request, request.stream())

    async def form(self, request: ApiRequest) -> Response[bytes] | Stream:
        body = request.stream()
        head = await _head(body)
        if not _is_signed(head):
            return _unsigned()
        return await self._pass_on(request, _joined(head, body))

    async def _signed(self, request: ApiRequest, body: Body | None) -> Response[bytes] | Stream:
        if _SIGNED_QUERY not in request.query_params:
            return _unsigned()
        return await self._pass_on(request, body)

    async def _pass_on(self, request: ApiRequest, body: Body | None) -> Response[bytes] | Stream:
        path = bytes(request.scope["raw_path"]).decode("ascii").removeprefix(RELAY_PATH)
        query = bytes(request.scope["query_string"]).decode("ascii")
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        try:
            answer = await self._session.request(
                request.method,
                URL(
                    f"{self._store}{path}?{query}" if query else f"{self._store}{path}",
                    encoded=True,
                ),
                data=body,
                headers=headers | {"Host": self._signed_host},
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError):
            return _error(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The object store does not answer now: try again later.",
            )
        return Stream(
            _content(answer),
            status_code=answer.status,
            headers={name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
            | _SHIELD,
        )


@asynccontextmanager
async def open_relay(settings: Settings) -> AsyncIterator[Relay]:
    """A relay to the store of the settings."""
    store = parse_store_url(settings.s3_url)
    public = settings.s3_public_url
    signed_host = (parse_public_url(public) if public else store.origin).host
    async with aiohttp.ClientSession(
        connector=connector_to(store.socket, limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_STALL_S),
        headers={"Accept-Encoding": "identity"},
        skip_auto_headers=("User-Agent", "Content-Type"),
        auto_decompress=False,
        read_bufsize=CHUNK_BYTES,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Relay(session, store.origin, signed_host)


async def _content(answer: aiohttp.ClientResponse) -> Body:
    try:
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            yield chunk
    finally:
        answer.close()


async def _head(body: Body) -> bytes:
    head = b""
    async for chunk in body:
        head += chunk
        if _is_signed(head) or len(head) > MAX_FORM_HEAD_BYTES:
            break
    return head


async def _joined(head: bytes, rest: Body) -> Body:
    yield head
    async for chunk in rest:
        yield chunk


def _is_signed(head: bytes) -> bool:
    lowered = head.lower()
    return all(name in lowered for name in _SIGNED_FORM)


def _unsigned() -> Response[bytes]:
    return _error(
        HTTPStatus.FORBIDDEN,
        "AccessDenied",
        "This address needs the signature of a link that the platform gave out.",
    )


def _error(status: HTTPStatus, code: str, message: str) -> Response[bytes]:
    """As object stores answer."""
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(text.encode(), status_code=status, media_type="application/xml")
