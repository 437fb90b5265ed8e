"""A server that answers as told: what a store that fails says, or does not say any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pumphouse.storage import Bucket
from pumphouse.storage.address import parse_store_url
from pumphouse.storage.signing import Signer
from pumphouse.storage.transport import open_transport

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(status: str, content: bytes = b"", promised: int | None = None) -> bytes:
    """An HTTP response; promised: the length that it says it has, when that is a lie."""
    length = len(content) if promised is None else promised
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + content


@asynccontextmanager
async def bucket_answering(answering: Answering, stall_s: float = 10) -> AsyncIterator[Bucket]:
    """A bucket on a server that hands each connection to `answering` and closes it then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answering(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client was faster
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = parse_store_url(f"http://key:secret@127.0.0.1:{port}/data")
        signer = Signer(address, address.origin)
        async with open_transport(stall_s) as transport:
            yield Bucket("data", transport, signer, signer)


async def request_line(reader: asyncio.StreamReader) -> str:
    """Of a request, of which all headers are read; empty when the client closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return ""
    return head.decode().partition("\r\n")[0]
