"""Sending an object to the data store: a small one whole, another in parts."""

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from pumphouse.sdk.aio.concurrency import a_few_at_once, off_the_loop
from pumphouse.sdk.aio.store import persistently
from pumphouse.sdk.aio.transport import Transport
from pumphouse.sdk.encoding import given, to_json
from pumphouse.sdk.parts import Part, sizes_of_parts, threshold_and_part_size
from pumphouse.sdk.progress import Progress
from pumphouse.sdk.sources import Source

PARTS_AT_ONCE = 4


@dataclass(frozen=True)
class Upload:
    """An object on its way to `path` in the data store."""

    transport: Transport
    path: str

    async def send(self, source: Source) -> None:
        """Make the object visible when all of it has arrived. Raises SdkError."""
        threshold, least = threshold_and_part_size()
        with self.transport.store.bar(self.path, source.size) as bar:
            if source.size and source.size < threshold:
                await self._send_whole(source, bar)
                return
            parts = parts_of(source, sizes_of_parts(least, source.size or None))
            first = await anext(parts)
            if first.total is None:
                await self._send_parts(_joined(first, parts), bar)
            else:
                whole = Source(io.BytesIO(first.content), self.path, source.name)
                await self._send_whole(whole, bar)

    async def _send_whole(self, source: Source, bar: Progress) -> None:
        form = await self.transport.call(
            "GET", "data-store", "upload", query={"path_to_object": self.path}
        )
        await self.transport.store.post(form["signed_url"], form["fields"], source, bar)

    async def _send_parts(self, parts: AsyncIterator[Part], bar: Progress) -> None:
        configuration = await self._call("multipart", {})
        upload = {"multipart_upload_configuration": configuration}
        sent: list[dict[str, Any]] = []

        async def send(part: Part) -> tuple[dict[str, Any], int]:
            return await persistently(lambda: self._send_part(part, upload)), len(part.content)

        def done(part: tuple[dict[str, Any], int]) -> None:
            sent.append(part[0])
            bar.update(part[1])

        await a_few_at_once(PARTS_AT_ONCE, send, parts, done)
        await self._call("multipart/end", {**upload, "parts": sent})

    async def _send_part(self, part: Part, upload: dict[str, Any]) -> dict[str, Any]:
        asked = given({"chunk_size": part.size, "part_number": part.number, "size": part.total})
        link = await self._call("multipart/part", upload | asked)
        etag = await self.transport.store.put(link["signed_url"], link["headers"], part.content)
        return given({"number": part.number, "metadata": etag})

    async def _call(self, step: str, more: dict[str, Any]) -> Any:
        body = to_json({"path_to_object": self.path, **more}, "'object_path_in_datastore'")
        return await self.transport.call(
            "POST", "data-store", "upload", *step.split("/"), body=body
        )


async def parts_of(source: Source, sizes: Iterator[int]) -> AsyncIterator[Part]:
    """All bytes of a source, at least one part; holds two of them at a time."""
    number, sent, size = 1, 0, next(sizes)
    content = await off_the_loop(source.read_fully, size)
    while True:
        next_size = next(sizes)
        is_full = len(content) == size
        following = await off_the_loop(source.read_fully, next_size) if is_full else b""
        sent += len(content)
        if not following:
            yield Part(number, size, content, total=sent)
            return
        yield Part(number, size, content)
        number, size, content = number + 1, next_size, following


async def _joined(first: Part, others: AsyncIterator[Part]) -> AsyncIterator[Part]:
    yield first
    async for part in others:
        yield part
