"""An HTTP server inside a running event loop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass

import uvicorn
from litestar import Litestar

from pumphouse.errors import Unavailable
from pumphouse.gateway.holds import Holds
from pumphouse.service.addresses import url_of

BACKLOG = 2048


@dataclass(frozen=True)
class Serving:
    """url: where the server listens, with the port that it really has."""

    url: str


class _Server(uvicorn.Server):
    """Leaves signals to the process that it runs in, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def serving(
    app: Litestar, host: str, port: int, holds: Holds, stop_s: int
) -> AsyncIterator[Serving]:
    """Serve `app` while the context is open; at its end the holds are released first.

    Raises Unavailable when the address cannot be listened on.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=stop_s,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait([task, listening], return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if task.done():
            raise Unavailable("The HTTP server did not start.") from task.exception()
        yield Serving(url_of(host, listener.getsockname()[1]))
    finally:
        holds.release()
        server.should_exit = True
        await task


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise Unavailable(
            f"The gateway cannot listen on {host} port {port}: {error.strerror or error}. Choose"
            " another port or stop what uses it."
        ) from error
    listener.setblocking(False)
    return listener
