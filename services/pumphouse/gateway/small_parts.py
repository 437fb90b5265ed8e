"""Parts that are too small for the store to make an object of; S3 takes none below 5 MiB but last.

Each is kept as an object of the platform's own until the upload ends, and is copied then.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pumphouse.storage import Bucket, UploadedPart
from pumphouse.storage.keys import small_part_key, small_parts_prefix

LEAST_PART_BYTES = 5 * 1024**2
"""Of every part but the last in a multipart upload of S3."""


@dataclass(frozen=True)
class SmallParts:
    """Those of one upload. prefix: of the upload, in the platform's own bucket."""

    bucket: Bucket
    prefix: str

    def url(self, number: int) -> str:
        """Where a client can PUT a part."""
        return self.bucket.upload_url(small_part_key(self.prefix, number))

    async def arrived(self) -> tuple[UploadedPart, ...]:
        """All that have arrived whole, in order."""
        place = small_parts_prefix(self.prefix)
        return tuple(
            [
                UploadedPart(int(item.key.removeprefix(place)), item.size, item.etag)
                async for objects in self.bucket.pages(place)
                for item in objects
            ]
        )

    async def content(self, parts: Sequence[UploadedPart]) -> AsyncIterator[bytes]:
        """The bytes of these parts, one after the other."""
        for part in parts:
            async with self.bucket.reading(small_part_key(self.prefix, part.number)) as reading:
                async for chunk in reading.chunks():
                    yield chunk
