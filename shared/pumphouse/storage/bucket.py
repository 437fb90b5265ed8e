"""The objects of one bucket."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from pumphouse.storage.bodies import FileSlices, in_parts, new_file, of_bytes, opened
from pumphouse.storage.listing import Listing, ObjectInfo, Page
from pumphouse.storage.sending import Body
from pumphouse.storage.signing import LINK_LIFE_S, Signer, UploadForm
from pumphouse.storage.transport import Reading, Transport
from pumphouse.storage.uploads import MOST_PARTS, PART_BYTES, UploadedPart, Uploads

_STREAM_PARTS_AT_ONCE = 2
"""Whole parts are held in memory."""

_FILE_PARTS_AT_ONCE = 4
_SINGLE_PUT_BYTES = 4 * PART_BYTES
_DELETES_AT_ONCE = 16


class Bucket:
    """One bucket. Every method that talks to the store raises Unavailable when it does not answer
    or refuses the platform's keys, NotFound for a key or an upload that is not
    there, Invalid or TooLarge for what the store refuses for the caller's doing.

    Objects appear whole or not at all, and replace what their key held.
    """

    def __init__(self, name: str, transport: Transport, own: Signer, public: Signer) -> None:
        self.name = name
        self._transport = transport
        self._own = own
        self._public = public
        self._uploads = Uploads(transport, own, name)
        self._listing = Listing(transport, own, name)

    def nearby(self) -> "Bucket":
        """The same bucket, with links for those who reach the store as this service does."""
        return Bucket(self.name, self._transport, self._own, self._own)

    async def put(self, key: str, content: bytes) -> None:
        await self._put(key, of_bytes(content))

    async def put_file(self, key: str, file: BinaryIO | Path, size: int) -> None:
        """The next `size` bytes of the file. Raises Invalid when it holds less."""
        with opened(file) as held:
            slices = FileSlices(held)
            if size <= _SINGLE_PUT_BYTES:
                await self._put(key, slices.body(0, size))
            else:
                await self._uploads.store(key, _file_parts(slices, size), _FILE_PARTS_AT_ONCE)

    async def put_stream(self, key: str, chunks: AsyncIterable[bytes]) -> int:
        """A stream of unknown size; its size in bytes. Some 3 parts of it are in memory at most.

        What the stream raises is raised, and nothing is stored.
        """
        async with aclosing(in_parts(chunks, PART_BYTES)) as parts:
            first = await anext(parts)
            if len(first) < PART_BYTES:
                await self._put(key, of_bytes(first))
                return len(first)
            return await self._uploads.store(
                key, _memory_parts(first, parts), _STREAM_PARTS_AT_ONCE
            )

    async def get(self, key: str) -> bytes:
        """All of a small object."""
        async with self.reading(key) as reading:
            return b"".join([chunk async for chunk in reading.chunks()])

    async def get_file(self, key: str, target: Path) -> int:
        """Write the object to a new file; its size in bytes. No file is left when it fails.

        Raises FileExistsError as well.
        """
        async with self.reading(key) as reading:
            with new_file(target) as file:
                async for chunk in reading.chunks():
                    await asyncio.to_thread(file.write, chunk)
            return reading.size

    def reading(self, key: str) -> AbstractAsyncContextManager[Reading]:
        return self._transport.reading(self._url("GET", key), absent=self._absent(key))

    async def info(self, key: str) -> ObjectInfo:
        answer = await self._transport.call(
            "HEAD", self._url("HEAD", key), absent=self._absent(key)
        )
        return ObjectInfo(
            key,
            int(answer.headers["Content-Length"]),
            parsedate_to_datetime(answer.headers["Last-Modified"]),
            answer.headers.get("ETag", "").strip('"'),
        )

    async def delete(self, key: str) -> None:
        """Fine when there is no such object."""
        await self._transport.call("DELETE", self._url("DELETE", key), absent=self._absent(key))

    async def delete_below(self, prefix: str) -> int:
        """Delete every object whose key begins with `prefix`; how many there were."""
        count = 0
        async for objects in self.pages(prefix):
            await self._delete_all(iter([item.key for item in objects]))
            count += len(objects)
        return count

    async def pages(self, prefix: str, limit: int = 1000) -> AsyncIterator[tuple[ObjectInfo, ...]]:
        """Every object whose key begins with `prefix`, at most `limit` (up to 1000) at a time."""
        after: str | None = ""
        while after is not None:
            page = await self.page(prefix, after, limit)
            yield page.objects
            after = page.next

    async def page(self, prefix: str = "", after: str = "", limit: int = 1000) -> Page:
        """At most `limit` (up to 1000) objects whose keys begin with `prefix`.

        after: `next` of the page before.
        """
        return await self._listing.page(prefix, after, limit)

    def download_url(
        self, key: str, *, file_name: str | None = None, life_s: int = LINK_LIFE_S
    ) -> str:
        """Where a client can GET the object. file_name: what a browser saves it as."""
        query = {"response-content-disposition": _attachment(file_name)} if file_name else None
        return self._public.object_url("GET", self.name, key, query, life_s)

    def upload_form(self, key: str, life_s: int = LINK_LIFE_S) -> UploadForm:
        return self._public.form(self.name, key, life_s)

    def upload_url(self, key: str, life_s: int = LINK_LIFE_S) -> str:
        """Where a client can PUT the object."""
        return self._public.object_url("PUT", self.name, key, life_s=life_s)

    def part_url(self, key: str, upload_id: str, number: int, life_s: int = LINK_LIFE_S) -> str:
        """Where a client can PUT a part of an upload."""
        return self._public.part_url(self.name, key, upload_id, number, life_s)

    async def begin_upload(self, key: str) -> str:
        """Begin an upload in parts; its id."""
        return await self._uploads.begin(key)

    async def uploaded_parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """All that have arrived whole, in order."""
        return await self._uploads.parts(key, upload_id)

    async def complete_upload(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart]
    ) -> None:
        """Make an object of these parts, in the order of their numbers."""
        await self._uploads.complete(key, upload_id, parts)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Fine when there is no such upload."""
        await self._uploads.abort(key, upload_id)

    async def abort_uploads(self, begun_before: datetime) -> int:
        """Abort the unfinished uploads of that age; how many there were."""
        old = [
            upload
            async for upload in self._listing.unfinished_uploads()
            if upload.begun_at < begun_before
        ]
        for upload in old:
            await self._uploads.abort(upload.key, upload.upload_id)
        return len(old)

    async def _put(self, key: str, body: Body) -> None:
        await self._transport.call(
            "PUT", self._url("PUT", key), absent=self._absent(key), body=body
        )

    async def _delete_all(self, keys: Iterator[str]) -> None:
        async def one_by_one() -> None:
            for key in keys:
                await self.delete(key)

        at_once = (one_by_one() for _ in range(_DELETES_AT_ONCE))
        for failure in await asyncio.gather(*at_once, return_exceptions=True):
            if failure is not None:
                raise failure

    def _url(self, method: str, key: str) -> str:
        return self._own.object_url(method, self.name, key)

    def _absent(self, key: str) -> str:
        return f"No object is stored at {key!r}."


async def _memory_parts(first: bytearray, rest: AsyncIterable[bytearray]) -> AsyncIterator[Body]:
    yield of_bytes(first)
    async for part in rest:
        yield of_bytes(part)


async def _file_parts(slices: FileSlices, size: int) -> AsyncIterator[Body]:
    part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
    for offset in range(0, size, part_bytes):
        yield slices.body(offset, min(part_bytes, size - offset))


def _attachment(file_name: str) -> str:
    """A Content-Disposition that old and new browsers read (RFC 6266)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in file_name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
