"""The SDK token buys short-lived access tokens, which every request carries."""

import base64
import time
from collections.abc import Generator
from http import HTTPStatus
from threading import Lock

import httpx
import msgspec

from pumphouse.sdk.errors import SdkError, error_of

MARGIN_S = 120.0
"""An access token is renewed this long before it expires, or after half of a shorter life."""


class _AccessToken(msgspec.Struct, frozen=True):
    text: str
    renew_at: float


class _Answer(msgspec.Struct):
    access_token: str


class _Claims(msgspec.Struct):
    exp: float
    iat: float


class BearerAuth(httpx.Auth):
    """Gets an access token when it is first needed, renews it in time, and once more on a 401.

    Only the length of its life is read from a token, so clocks need not agree. Thread-safe.
    """

    requires_response_body = True

    def __init__(self, refresh_url: str, sdk_token: str) -> None:
        self._refresh_url = refresh_url
        self._sdk_token = sdk_token
        self._access: _AccessToken | None = None
        self._lock = Lock()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        access = yield from self._current(request, refused=None)
        request.headers["Authorization"] = f"Bearer {access.text}"
        reply = yield request
        if reply.status_code == HTTPStatus.UNAUTHORIZED:
            access = yield from self._current(request, refused=access)
            request.headers["Authorization"] = f"Bearer {access.text}"
            yield request

    def _current(
        self, request: httpx.Request, refused: _AccessToken | None
    ) -> Generator[httpx.Request, httpx.Response, _AccessToken]:
        with self._lock:
            access = self._access
            if access is None or access is refused or time.monotonic() >= access.renew_at:
                asked_at = time.monotonic()
                reply = yield httpx.Request(
                    "POST",
                    self._refresh_url,
                    json={"refresh_token": self._sdk_token},
                    headers={"User-Agent": request.headers["User-Agent"]},
                    extensions={"timeout": request.extensions["timeout"]},
                )
                reply.read()
                access = self._access = _access_token(reply, asked_at)
            return access


def _access_token(reply: httpx.Response, asked_at: float) -> _AccessToken:
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        raise error_of(reply)
    try:
        text = msgspec.json.decode(reply.content, type=_Answer).access_token
        claims = msgspec.json.decode(_segment(text, 1), type=_Claims)
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise SdkError(
            f"{reply.url} did not answer with an access token: is it the address of a Pumphouse?"
        ) from error
    life_s = claims.exp - claims.iat
    return _AccessToken(text, asked_at + life_s - min(MARGIN_S, life_s / 2))


def _segment(token: str, index: int) -> bytes:
    text = token.split(".")[index]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
