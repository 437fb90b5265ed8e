"""An HTTP/1.1 load generator that costs far less than what it measures."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools


@dataclass(frozen=True)
class Target:
    """One request, to be repeated: a POST of JSON."""

    url: str
    body: bytes
    authorization: str = ""

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    @property
    def request(self) -> bytes:
        parts = urlsplit(self.url)
        credentials = f"Authorization: {self.authorization}\r\n" if self.authorization else ""
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{credentials}"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True)
class Measurement:
    """requests_per_s over the whole time; latencies in seconds, sorted."""

    requests_per_s: float
    latencies: list[float]

    def percentile_ms(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1e3


class Caller(asyncio.Protocol):
    """One connection that sends its next request as soon as the last is answered."""

    def __init__(self, request: bytes, latencies: list[float], over: Callable[[], bool]) -> None:
        self._request = request
        self._latencies = latencies
        self._over = over
        self._parser = httptools.HttpResponseParser(self)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if (status := self._parser.get_status_code()) != 200:
            self._fail(RuntimeError(f"The answer has status {status}, not 200."))
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        if not self._over():
            self._send()
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("The server closed the connection."))

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def measure(target: Target, *, concurrency: int, seconds: float) -> Measurement:
    """Repeat `target` on `concurrency` connections for `seconds`.

    Raises RuntimeError when an answer is not 200, ConnectionError when a connection ends.
    """
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = time.perf_counter()

    def over() -> bool:
        return time.perf_counter() - began >= seconds

    callers = [
        (
            await loop.create_connection(
                lambda: Caller(target.request, latencies, over), *target.address
            )
        )[1]
        for _ in range(concurrency)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    elapsed = time.perf_counter() - began
    return Measurement(len(latencies) / elapsed, sorted(latencies))
