"""Answers whose body is a file of the store."""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from pumphouse.errors import Unavailable
from pumphouse.storage import Bucket, Reading

logger = logging.getLogger(__name__)

OCTETS = "application/octet-stream"

_TOKEN = re.compile(r"[\w!#$&+\-.^`|~]+", re.ASCII)


class FileAnswer(Response[bytes]):
    """The bytes of an object, sent while they are read.

    Sending raises NotFound and Unavailable before the first byte, which makes another answer of
    it. When the object breaks off later, so does the connection.
    """

    def __init__(self, bucket: Bucket, key: str, headers: Mapping[str, str]) -> None:
        super().__init__(b"", media_type=OCTETS, headers=dict(headers))
        self._bucket = bucket
        self._key = key

    def to_asgi_response(
        self, app: object, request: Request[Any, Any, Any], **_: object
    ) -> ASGIResponse:
        return _Sending(self._bucket, self._key, self.headers)


class _Sending(ASGIResponse):
    def __init__(self, bucket: Bucket, key: str, headers: dict[str, Any]) -> None:
        super().__init__(headers=headers, media_type=OCTETS)
        self._bucket = bucket
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            self.headers["content-length"] = str((await self._bucket.info(self._key)).size)
            await super().__call__(scope, receive, send)
            return
        async with self._bucket.reading(self._key) as reading:
            self.headers["content-length"] = str(reading.size)
            await self.start_response(send)
            try:
                await _send_unless_left(reading, receive, send)
            except Unavailable as error:
                logger.warning("%s was not sent to its end: %s", self._key, error.message)


async def _send_unless_left(reading: Reading, receive: Receive, send: Send) -> None:
    """Send all chunks, or stop reading them once the client is gone."""
    sending = asyncio.create_task(_send_all(reading, send))
    leaving = asyncio.create_task(_departure(receive))
    try:
        await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
    finally:
        for task in (sending, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _send_all(reading: Reading, send: Send) -> None:
    async for chunk in reading.chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def attachment(file_name: str) -> str:
    """A Content-Disposition by which a browser stores the body under that name.

    The name stands there as it is when it can: old clients of endpoints do not undo quotes.
    """
    if _TOKEN.fullmatch(file_name):
        return f"attachment; filename={file_name}"
    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
