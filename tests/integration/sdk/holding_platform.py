"""A platform of a few lines over real HTTP that lets callers wait for each other."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.unit.sdk.fake_platform import access_token


@dataclass
class HoldingPlatform:
    """Gives the outputs of executions when so many callers wait for some at the same time.

    refuses: every SDK token, after a while. waiting: callers at present. most_waiting: at once.
    stored: what any download gives. begun: paths of requests that began. received: bodies of runs.
    """

    callers: int = 1
    refuses: bool = False
    url: str = ""
    refreshes: int = 0
    waiting: int = 0
    most_waiting: int = 0
    stored: bytes = b""
    begun: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    server: uvicorn.Server | None = None

    @property
    def connections(self) -> int:
        assert self.server
        return len(self.server.server_state.connections)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        gone = asyncio.create_task(receive())
        answer = asyncio.create_task(self._answer(scope["path"], body))
        await asyncio.wait({gone, answer}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not answer.done():
            answer.cancel()
            return
        status, content, kind = answer.result()
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, path: str, body: bytes) -> tuple[int, bytes, bytes]:
        found: Any = {"execution_id": "e1"}
        match path.removeprefix("/api/v1/").split("/"):
            case ["auth", "refresh"]:
                self.refreshes += 1
                await asyncio.sleep(0.2)
                if self.refuses:
                    return 401, b'{"message": "This SDK token is not known."}', b"application/json"
                found = {"access_token": access_token(3600)}
            case ["executions", _, "outputs"]:
                await self._wait_for_the_others()
                found = {"outputs": []}
            case ["pipelines", _, "run"]:
                self.received.append(body)
            case ["data-store", "download"]:
                found = {"signed_url": f"{self.url}/stored"}
            case ["", "stored"]:
                return 200, self.stored, b"application/octet-stream"
            case ["users", "me"]:
                found = {"id": "u1", "name": "Ada", "email": "ada@pump.test"}
        return 200, json.dumps(found).encode(), b"application/json"

    async def _wait_for_the_others(self) -> None:
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        try:
            if self.waiting >= self.callers:
                self.enough.set()
            await self.enough.wait()
        finally:
            self.waiting -= 1


@contextmanager
def holding_platform(callers: int = 1, refuses: bool = False) -> Iterator[HoldingPlatform]:
    platform = HoldingPlatform(callers, refuses)
    config = uvicorn.Config(platform, port=0, log_level="error", lifespan="off")
    platform.server = server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        give_up_at = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < give_up_at, "the platform does not start"
            time.sleep(0.01)
        platform.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield platform
    finally:
        server.should_exit = True
        thread.join()
