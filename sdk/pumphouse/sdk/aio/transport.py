"""HTTP to one Pumphouse: parameters in, decoded JSON out, an SdkError for all that fails."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from pumphouse.sdk.access_tokens import AccessToken
from pumphouse.sdk.addresses import path
from pumphouse.sdk.aio.authentication import AccessTokens
from pumphouse.sdk.aio.bodies import FormBody
from pumphouse.sdk.aio.store import ObjectStore
from pumphouse.sdk.answers import content
from pumphouse.sdk.errors import InvalidParameters, Unreachable
from pumphouse.sdk.forms import Fields, Files, MultipartForm
from pumphouse.sdk.version import __version__

CLIENT = f"pumphouse-sdk/{__version__}"

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0

# No limit: a call that waits for a result keeps its connection, and others must not wait for it.
# Expires before a server's own limit (uvicorn: 5 s), so that no request meets a closing connection.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=3.0)


class Transport:
    """Connections to one platform, kept open between calls. Safe for many tasks of one event loop.

    url: of the platform. token: an SDK token. progress: whether to show bars, None for on
    terminals. wire: replaces the network, for tests.
    store: the object store of the platform. tokens: those of the user.
    """

    def __init__(
        self,
        url: str,
        token: str,
        progress: bool | None = None,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        root = url.rstrip("/")
        if not root.startswith(("http://", "https://")):
            raise InvalidParameters(f"The url must start with http:// or https://, not {url!r}.")
        self._http = httpx.AsyncClient(
            base_url=root, headers={"User-Agent": CLIENT}, limits=_LIMITS, transport=wire
        )
        self.tokens = AccessTokens(self._ask_for_access, token)
        self.store = ObjectStore(progress, wire)

    @property
    def url(self) -> httpx.URL:
        """Of the platform."""
        return self._http.base_url

    async def close(self) -> None:
        await self._http.aclose()
        await self.store.close()

    async def call(
        self,
        method: str,
        *segments: str,
        query: Mapping[str, str] | None = None,
        body: str | None = None,
        form: Fields | None = None,
        files: Files | None = None,
    ) -> Any:
        """The JSON answer of the API at `segments`, None if it is empty, bytes if it is a file.

        body: JSON text, or form: fields, with files. Raises SdkError.
        """
        address = f"/api/v1/{path(*segments)}"
        request = self.request(method, address, query=query, body=body, form=form, files=files)
        return content(await self._send_as_user(request))

    async def poll(self, *segments: str, limit_s: float) -> Any | None:
        """The JSON answer to a held question, None if the platform says: not yet, ask again.

        limit_s: the longest time to wait for the answer. Raises SdkError.
        """
        held = {"wait_for_completion": "true"}
        request = self.request("GET", f"/api/v1/{path(*segments)}", query=held)
        reply = await self._send_as_user(request, limit_s)
        return None if reply.status_code == HTTPStatus.TEMPORARY_REDIRECT else content(reply)

    def request(
        self,
        method: str,
        address: str,
        *,
        query: Mapping[str, str] | None = None,
        body: str | None = None,
        form: Fields | None = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A request to `address`, below the platform's url."""
        sent: Any = body
        described = {} if body is None else {"Content-Type": "application/json"}
        if files:
            multipart = MultipartForm(form or {}, files)
            sent, form = FormBody(multipart), None
            described = {"Content-Type": multipart.content_type}
            if multipart.length is not None:
                described["Content-Length"] = str(multipart.length)
        return self._http.build_request(
            method,
            address,
            params=query,
            content=sent,
            data=form,
            headers={**described, **(headers or {})},
        )

    async def send(
        self, request: httpx.Request, limit_s: float = ANSWER_TIMEOUT_S
    ) -> httpx.Response:
        """The answer, whatever its status; redirections are not followed. Raises Unreachable."""
        timeout = httpx.Timeout(limit_s, connect=min(CONNECT_TIMEOUT_S, limit_s))
        request.extensions["timeout"] = timeout.as_dict()
        try:
            return await self._http.send(request, follow_redirects=False)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(
                f"No answer from {self._http.base_url}: {reason}. "
                "Check the address, and that the platform is running."
            ) from error

    async def _send_as_user(
        self, request: httpx.Request, limit_s: float = ANSWER_TIMEOUT_S
    ) -> httpx.Response:
        """As `send`, with an access token, and once more with a fresh one if that is refused."""
        access = await self.tokens.current(limit_s)
        reply = await self.send(_with(request, access), limit_s)
        if reply.status_code != HTTPStatus.UNAUTHORIZED:
            return reply
        fresh = await self.tokens.current(limit_s, refused=access)
        return await self.send(_with(request, fresh), limit_s)

    async def _ask_for_access(self, sdk_token: str, limit_s: float) -> httpx.Response:
        body = json.dumps({"refresh_token": sdk_token})
        return await self.send(self.request("POST", "/api/v1/auth/refresh", body=body), limit_s)


class Connected:
    """A group of calls that go through one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport


def _with(request: httpx.Request, access: AccessToken) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {access.text}"
    return request
