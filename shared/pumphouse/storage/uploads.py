"""Objects that are stored in parts, and become visible when the last step is done."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from pumphouse.errors import NotFound, PumphouseError, TooLarge
from pumphouse.storage.answers import document, each, name_of, text_of
from pumphouse.storage.bodies import of_bytes
from pumphouse.storage.refusals import refusal
from pumphouse.storage.sending import Body
from pumphouse.storage.signing import Signer
from pumphouse.storage.transport import Transport

PART_BYTES = 8 * 1024 * 1024
"""Of a part of an upload that we make ourselves, unless that would be too many parts."""

MOST_PARTS = 10_000

_ABORT_S = 10.0


@dataclass(frozen=True)
class UploadedPart:
    """size: in bytes."""

    number: int
    size: int
    etag: str


class Uploads:
    """Multipart uploads to one bucket."""

    def __init__(self, transport: Transport, signer: Signer, bucket: str) -> None:
        self._transport = transport
        self._signer = signer
        self._bucket = bucket

    async def begin(self, key: str) -> str:
        url = self._signer.object_url("POST", self._bucket, key, {"uploads": ""})
        answer = await self._transport.call("POST", url, absent=_no_upload(key))
        return text_of(document(answer.content), "UploadId")

    async def send_part(self, key: str, upload_id: str, number: int, body: Body) -> UploadedPart:
        url = self._signer.part_url(self._bucket, key, upload_id, number)
        answer = await self._transport.call("PUT", url, absent=_no_upload(key), body=body)
        return UploadedPart(number, body.size, answer.headers.get("ETag", "").strip('"'))

    async def parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        found: list[UploadedPart] = []
        query = {"uploadId": upload_id, "max-parts": "1000"}
        while True:
            url = self._signer.object_url("GET", self._bucket, key, query)
            answer = await self._transport.call("GET", url, absent=_no_upload(key))
            page = document(answer.content)
            found += [
                UploadedPart(
                    int(text_of(item, "PartNumber")),
                    int(text_of(item, "Size")),
                    text_of(item, "ETag").strip('"'),
                )
                for item in each(page, "Part")
            ]
            if text_of(page, "IsTruncated") != "true":
                return tuple(found)
            query["part-number-marker"] = text_of(page, "NextPartNumberMarker")

    async def complete(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        url = self._signer.object_url("POST", self._bucket, key, {"uploadId": upload_id})
        answer = await self._transport.call(
            "POST",
            url,
            absent=_no_upload(key),
            body=of_bytes(_completion(parts)),
            is_repeatable=False,
        )
        # Stores may answer before they do the work: a failure after that comes with a 200.
        if answer.content.strip() and name_of(document(answer.content)) == "Error":
            raise refusal(200, answer.content, _no_upload(key))

    async def abort(self, key: str, upload_id: str) -> None:
        """Fine when there is no such upload."""
        url = self._signer.object_url("DELETE", self._bucket, key, {"uploadId": upload_id})
        with suppress(NotFound):
            await self._transport.call("DELETE", url, absent=_no_upload(key))

    async def store(self, key: str, bodies: AsyncIterable[Body], at_once: int) -> int:
        """An object made of these bodies, sent while the next ones are taken; its size in bytes.

        Without it when anything fails: no part of it is left then.
        """
        begun = asyncio.create_task(self.begin(key))
        try:
            upload_id = await asyncio.shield(begun)
            parts = await self._send(key, upload_id, bodies, at_once)
            await self.complete(key, upload_id, parts)
        except BaseException:
            await self._transport.to_the_end(self._abandon(key, begun))
            raise
        return sum(part.size for part in parts)

    async def _send(
        self, key: str, upload_id: str, bodies: AsyncIterable[Body], at_once: int
    ) -> list[UploadedPart]:
        sent: list[UploadedPart] = []
        sending: deque[asyncio.Task[UploadedPart]] = deque()
        number = 0
        try:
            async for body in bodies:
                number += 1
                if number > MOST_PARTS:
                    raise TooLarge(
                        f"It holds more than the {MOST_PARTS * PART_BYTES} bytes that can be"
                        " stored when the size is not known before."
                    )
                if len(sending) >= at_once:
                    sent.append(await sending[0])
                    sending.popleft()
                sending.append(asyncio.create_task(self.send_part(key, upload_id, number, body)))
            while sending:
                sent.append(await sending[0])
                sending.popleft()
            return sent
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _abandon(self, key: str, begun: asyncio.Task[str]) -> None:
        """The store may be what failed: it forgets the upload by the sweep of old ones then."""
        with suppress(PumphouseError, TimeoutError):
            async with asyncio.timeout(_ABORT_S):
                await self.abort(key, await begun)


def _no_upload(key: str) -> str:
    return f"There is no such upload to {key!r}: it was completed or given up, or never begun."


def _completion(parts: Sequence[UploadedPart]) -> bytes:
    root = Element("CompleteMultipartUpload")
    for part in sorted(parts, key=lambda part: part.number):
        item = SubElement(root, "Part")
        SubElement(item, "PartNumber").text = str(part.number)
        SubElement(item, "ETag").text = f'"{part.etag}"'
    return tostring(root)
