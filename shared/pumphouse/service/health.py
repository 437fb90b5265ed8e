"""Tells who supervises a process that the service in it is at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PATIENCE_S = 5.0


@asynccontextmanager
async def answering_health(port: int | None) -> AsyncIterator[None]:
    """Answer `GET /healthz` at 127.0.0.1:`port` while the context is open; not at all for None.

    The answers come from the loop that the service runs in: it is ready and not stuck. A server
    that it talks to may be away all the same, since no restart of the service would bring that
    back. Raises OSError when the port is taken.
    """
    if port is None:
        yield
        return
    server = await asyncio.start_server(_answer, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    cut_off = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError)
    with suppress(*cut_off):
        async with asyncio.timeout(_PATIENCE_S):
            request = await reader.readuntil(b"\r\n\r\n")
            is_known = request.split()[:2] == [b"GET", b"/healthz"]
            writer.write(_response("200 OK", "ok\n") if is_known else _response("404 Not Found"))
            await writer.drain()
    writer.close()


def _response(status: str, body: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()
