"""A platform of a few lines behind the SDK's own HTTP client: it records and answers."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import jwt

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]

KEY = "a key that nobody checks, long enough"


class FakePlatform(httpx.MockTransport):
    """Answers requests by method and path; the last answer to one stays. Tokens work by default."""

    def __init__(self, life_s: float = 3600) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self.refreshes = 0
        self._life_s = life_s
        self._answers: dict[str, list[Answer]] = {}

    def on(self, route: str, *answers: Answer) -> None:
        """Answer `route`, such as `GET /api/v1/pipelines`, with each of `answers` in turn."""
        self._answers[route] = list(answers)

    def asked(self, route: str) -> list[httpx.Request]:
        return [request for request in self.requests if route_of(request) == route]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(_copy(request))
        route = route_of(request)
        if route == "POST /api/v1/auth/refresh" and route not in self._answers:
            self.refreshes += 1
            return ok({"access_token": access_token(self._life_s, f"access-{self.refreshes}")})
        answers = self._answers[route]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return _unread(answer) if isinstance(answer, httpx.Response) else answer(request)


def _copy(request: httpx.Request) -> httpx.Request:
    return httpx.Request(
        request.method, request.url, headers=request.headers.copy(), content=request.read()
    )


def _unread(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(
        answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content)
    )


def route_of(request: httpx.Request) -> str:
    return f"{request.method} {request.url.raw_path.decode().partition('?')[0]}"


def ok(content: Any) -> httpx.Response:
    return httpx.Response(200, json=content)


def octets(content: bytes) -> httpx.Response:
    """The content of a file."""
    return httpx.Response(
        200, content=content, headers={"Content-Type": "application/octet-stream"}
    )


def refused(status_code: int, message: str = "No.", **more: Any) -> httpx.Response:
    return httpx.Response(status_code, json={"message": message, **more})


def access_token(life_s: float, subject: str = "someone") -> str:
    claims = {"iat": 1_000_000_000, "exp": 1_000_000_000 + int(life_s), "sub": subject}
    return jwt.encode(claims, KEY, algorithm="HS256")


def subject_of(request: httpx.Request) -> str:
    """Which access token a request carries."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    return str(claims["sub"])


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content)


def form_of(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a multipart form by name: the file's name, if it is one, and the content."""
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
    found = {}
    for part in request.content.split(b"--" + boundary)[1:-1]:
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        found[names["name"]] = (names.get("filename"), content)
    return found
