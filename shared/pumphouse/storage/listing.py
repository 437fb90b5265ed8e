"""What is in a bucket, page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from pumphouse.storage.answers import document, each, text_of, time_of
from pumphouse.storage.signing import Signer
from pumphouse.storage.transport import Transport


@dataclass(frozen=True)
class ObjectInfo:
    """size: in bytes. modified_at: when it was last replaced, aware. etag: without quotes."""

    key: str
    size: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True)
class Page:
    """next: what to ask the page after this one with; None on the last."""

    objects: tuple[ObjectInfo, ...]
    next: str | None


@dataclass(frozen=True)
class UnfinishedUpload:
    key: str
    upload_id: str
    begun_at: datetime


class Listing:
    def __init__(self, transport: Transport, signer: Signer, bucket: str) -> None:
        self._transport = transport
        self._signer = signer
        self._bucket = bucket

    async def page(self, prefix: str, after: str, limit: int) -> Page:
        answer = await self._objects(prefix, after, limit)
        objects = tuple(
            ObjectInfo(
                _key_of(item, answer),
                int(text_of(item, "Size")),
                time_of(item, "LastModified"),
                text_of(item, "ETag").strip('"'),
            )
            for item in each(answer, "Contents")
        )
        is_last = text_of(answer, "IsTruncated") != "true"
        if not objects or (is_last and len(objects) < limit):
            return Page(objects, None)
        end = await self._where_to_stop(objects)
        if end == 0:
            return await self.page(prefix, after, 2 * limit)
        if is_last and end == len(objects):
            return Page(objects, None)
        return Page(objects[:end], objects[end - 1].key)

    async def _where_to_stop(self, objects: tuple[ObjectInfo, ...]) -> int:
        """The end of a page that another follows: not behind an object that has some below it.

        SeaweedFS lists `a`, `a/b`, `a.b`, and what it lists after `a` begins at `a.b`.
        """
        end = len(objects)
        while end:
            below = await self._objects(f"{objects[end - 1].key}/", "", 1)
            if not any(each(below, "Contents")):
                break
            end -= 1
        return end

    async def _objects(self, prefix: str, after: str, limit: int) -> Element:
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(limit)}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"start-after": after} if after else {}
        return document(await self._ask(query))

    async def unfinished_uploads(self) -> AsyncIterator[UnfinishedUpload]:
        """Keys are asked for as they are: SeaweedFS says it encodes them here, and does not."""
        marker: dict[str, str] = {}
        while True:
            answer = document(await self._ask({"uploads": "", **marker}))
            for item in each(answer, "Upload"):
                yield UnfinishedUpload(
                    text_of(item, "Key"),
                    text_of(item, "UploadId"),
                    time_of(item, "Initiated"),
                )
            if text_of(answer, "IsTruncated") != "true":
                return
            marker = {
                "key-marker": text_of(answer, "NextKeyMarker"),
                "upload-id-marker": text_of(answer, "NextUploadIdMarker"),
            }

    async def _ask(self, query: dict[str, str]) -> bytes:
        url = self._signer.bucket_url("GET", self._bucket, query)
        answer = await self._transport.call("GET", url, absent=f"There is no {self._bucket!r}.")
        return answer.content


def _key_of(item: Element, answer: Element) -> str:
    """As it is where the store does not say that it encodes keys, as asked."""
    key = text_of(item, "Key")
    return unquote_plus(key) if text_of(answer, "EncodingType") == "url" else key
