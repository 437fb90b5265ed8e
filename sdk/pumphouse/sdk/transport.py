"""HTTP to one Pumphouse: parameters in, decoded JSON out, an SdkError for all that fails."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from pumphouse.sdk.authentication import BearerAuth
from pumphouse.sdk.errors import InvalidParameters, SdkError, Unreachable, error_of
from pumphouse.sdk.store import ObjectStore
from pumphouse.sdk.version import __version__

CLIENT = f"pumphouse-sdk/{__version__}"

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0

# Shorter than a server's own limit (uvicorn: 5 s), so that no request meets a closing connection.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)

Form = Mapping[str, str]
Files = Mapping[str, tuple[str, Any, str]]

_CONTENT_OF_FILES = ("application/octet-stream", "text/csv")


class Transport:
    """Connections to one platform, kept open between calls. Thread-safe.

    url: of the platform. token: an SDK token. progress: whether to show bars, None for on
    terminals. wire: replaces the network, for tests.
    store: the object store of the platform.
    """

    def __init__(
        self,
        url: str,
        token: str,
        progress: bool | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        root = url.rstrip("/")
        if not root.startswith(("http://", "https://")):
            raise InvalidParameters(f"The url must start with http:// or https://, not {url!r}.")
        self._bearer = BearerAuth(f"{root}/api/v1/auth/refresh", token)
        self._http = httpx.Client(
            base_url=root, headers={"User-Agent": CLIENT}, limits=_LIMITS, transport=wire
        )
        self.store = ObjectStore(progress, wire)

    @property
    def url(self) -> httpx.URL:
        """Of the platform."""
        return self._http.base_url

    def close(self) -> None:
        self._http.close()
        self.store.close()

    def call(
        self,
        method: str,
        *segments: str,
        query: Mapping[str, str] | None = None,
        body: str | None = None,
        form: Form | None = None,
        files: Files | None = None,
    ) -> Any:
        """The JSON answer of the API at `segments`, None if it is empty, bytes if it is a file.

        body: JSON text, or form: fields, with files: (name, content, content type) by field; the
        content is bytes, or has `read` and is sent as it is read. Raises SdkError.
        """
        address = f"/api/v1/{path(*segments)}"
        request = self.request(method, address, query=query, body=body, form=form, files=files)
        return content(self.send(request, self._bearer))

    def poll(self, *segments: str, limit_s: float) -> Any | None:
        """The JSON answer to a held question, None if the platform says: not yet, ask again.

        limit_s: the longest time to wait for the answer. Raises SdkError.
        """
        held = {"wait_for_completion": "true"}
        request = self.request("GET", f"/api/v1/{path(*segments)}", query=held)
        reply = self.send(request, self._bearer, limit_s)
        return None if reply.status_code == HTTPStatus.TEMPORARY_REDIRECT else content(reply)

    def request(
        self,
        method: str,
        address: str,
        *,
        query: Mapping[str, str] | None = None,
        body: str | None = None,
        form: Form | None = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A request to `address`, below the platform's url."""
        content_type = {} if body is None else {"Content-Type": "application/json"}
        return self._http.build_request(
            method,
            address,
            params=query,
            content=body,
            data=form,
            files=files,
            headers={**content_type, **(headers or {})},
        )

    def send(
        self,
        request: httpx.Request,
        auth: httpx.Auth | None = None,
        limit_s: float = ANSWER_TIMEOUT_S,
    ) -> httpx.Response:
        """The answer, whatever its status; redirections are not followed. Raises Unreachable."""
        timeout = httpx.Timeout(limit_s, connect=min(CONNECT_TIMEOUT_S, limit_s))
        request.extensions["timeout"] = timeout.as_dict()
        try:
            return self._http.send(request, auth=auth, follow_redirects=False)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(
                f"No answer from {self._http.base_url}: {reason}. "
                "Check the address, and that the platform is running."
            ) from error


class Connected:
    """A group of calls that go through one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport


def path(*segments: str) -> str:
    """A URL path. Raises InvalidParameters for a segment that would change its meaning."""
    for segment in segments:
        if not isinstance(segment, str) or segment in ("", ".", ".."):
            raise InvalidParameters(f"{segment!r} is not a name.")
    return "/".join(quote(segment, safe="") for segment in segments)


def content(reply: httpx.Response) -> Any:
    """What an answer says: decoded JSON, bytes, or None. Raises the error that it stands for."""
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        raise error_of(reply)
    if reply.headers.get("Content-Type", "").startswith(_CONTENT_OF_FILES):
        return None if reply.status_code == HTTPStatus.NO_CONTENT else reply.content
    if not reply.content or reply.content == b"OK":
        return None
    try:
        return msgspec.json.decode(reply.content)
    except msgspec.DecodeError as error:
        raise SdkError(
            f"{reply.url} did not answer in JSON: is it the address of a Pumphouse?",
            status_code=reply.status_code,
        ) from error
