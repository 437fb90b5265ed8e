"""Uploads to the data store in parts, which any gateway may go on with."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from pumphouse.errors import Invalid, NotFound, Unavailable
from pumphouse.gateway.small_parts import LEAST_PART_BYTES, SmallParts
from pumphouse.sealing.tokens import SignedTokens
from pumphouse.storage import Bucket, UploadedPart
from pumphouse.storage.keys import upload_prefix, upload_size_key

MAX_PARTS = 10_000
MAX_PART_BYTES = 5 * 1024**3
MAX_OBJECT_BYTES = 5 * 1024**4

PartNumber = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_PARTS})]
PartSize = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAX_PART_BYTES})]
WholeSize = Annotated[
    int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_OBJECT_BYTES})
]
"""What check_part holds of a number, as the document of the API shows it."""

Linked = Callable[[Bucket], Bucket]


class EndedPart(msgspec.Struct, frozen=True):
    """A part as its sender lists it. metadata: the ETag that the store answered."""

    number: int
    metadata: str | None = None


class Configuration(msgspec.Struct, frozen=True):
    """What a client sends back with every request of an upload, without looking into it.

    permit: says that this gateway, or another, gave out the upload for the path.
    """

    upload_id: str
    permit: str


@dataclass(frozen=True)
class Upload:
    """One that has begun. id: the store's."""

    key: str
    id: str


@dataclass(frozen=True)
class Uploads:
    """Begins and ends uploads. The object is there when the upload has ended, and not before.

    notes: the platform's own bucket, where the size that a part declares is kept till the end.
    """

    bucket: Bucket
    notes: Bucket
    permits: SignedTokens

    async def begin(self, key: str) -> Configuration:
        upload_id = await self.bucket.begin_upload(key)
        return Configuration(upload_id, self.permits.issue(_subject(key, upload_id)))

    def known(self, key: str, configuration: Any) -> Upload:
        """The upload to `key` that a client goes on with. Raises Invalid for any other."""
        try:
            read = msgspec.convert(configuration, Configuration)
        except msgspec.ValidationError as error:
            raise Invalid(
                "multipart_upload_configuration is not what the begin of an upload answers:"
                f" {error}."
            ) from error
        if self.permits.subject(read.permit) != _subject(key, read.upload_id):
            raise Invalid(
                f"multipart_upload_configuration belongs to no upload to {key!r}, or to one that"
                " was begun more than a day ago: begin another one."
            )
        return Upload(key, read.upload_id)

    async def remember_size(self, upload: Upload, size: int) -> None:
        """size: of the whole object in bytes, as the sender of the last part declares it."""
        await self.notes.put(upload_size_key(_prefix(upload)), str(size).encode())

    def part_url(self, upload: Upload, part: int, chunk_size: int, linked: Linked) -> str:
        """Where a client can PUT a part. chunk_size: of every part but the last, in bytes.

        linked: a bucket with the links that this client can use.
        """
        if chunk_size < LEAST_PART_BYTES:
            return SmallParts(linked(self.notes), _prefix(upload)).url(part)
        return linked(self.bucket).part_url(upload.key, upload.id, part)

    async def complete(self, upload: Upload, listed: Sequence[EndedPart]) -> None:
        """Make the object of these parts.

        Raises Invalid, and leaves the upload as it is, when they are not the whole of it; NotFound
        when the upload has ended before.
        """
        numbers = sorted(part.number for part in listed)
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise Invalid("parts must list every part once, numbered 1, 2, 3 and so on.")
        large, small = await self._stored(upload), await self._small_parts(upload).arrived()
        stored: dict[int, list[UploadedPart]] = {}
        for arrived in (*large, *small):
            stored.setdefault(arrived.number, []).append(arrived)
        parts = [_arrived(part, stored.get(part.number, [])) for part in listed]
        await self._check_size(upload, sum(part.size for part in parts))
        if set(parts) <= set(large):
            await self.bucket.complete_upload(upload.key, upload.id, parts)
        elif set(parts) <= set(small):
            await self._join(upload, sorted(parts, key=lambda part: part.number))
        else:
            raise Invalid(
                f"Parts with a chunk_size below {LEAST_PART_BYTES:,} bytes and larger ones cannot"
                " be in one upload: send all with the same chunk_size, and end the upload again."
            )
        with contextlib.suppress(Unavailable):
            await self.notes.delete_below(_prefix(upload))

    async def _join(self, upload: Upload, parts: Sequence[UploadedPart]) -> None:
        """Make the object of small parts, in place of the upload that the store knows."""
        await self.bucket.put_stream(upload.key, self._small_parts(upload).content(parts))
        with contextlib.suppress(Unavailable):
            await self.bucket.abort_upload(upload.key, upload.id)

    def _small_parts(self, upload: Upload) -> SmallParts:
        return SmallParts(self.notes, _prefix(upload))

    async def _stored(self, upload: Upload) -> tuple[UploadedPart, ...]:
        try:
            return await self.bucket.uploaded_parts(upload.key, upload.id)
        except NotFound as error:
            raise NotFound(
                f"This upload to {upload.key!r} is not open: it has ended already, or was begun"
                " more than a day ago."
            ) from error

    async def _check_size(self, upload: Upload, arrived: int) -> None:
        try:
            note = await self.notes.get(upload_size_key(_prefix(upload)))
        except NotFound as error:
            raise Invalid(
                "No part declared the size of the object: announce the last part again with"
                f" `size`, the bytes of the whole object ({arrived:,} have arrived), send it if"
                " bytes are missing, and end the upload again."
            ) from error
        declared = int(note)
        if arrived != declared:
            raise Invalid(
                f"The parts are {arrived:,} bytes together, and {declared:,} were declared: send"
                " the part that is incomplete again, and end the upload again."
            )


def check_part(number: int, chunk_size: int, size: int | None) -> None:
    """Raise Invalid unless the store can take such a part. Sizes are in bytes."""
    if not 1 <= number <= MAX_PARTS:
        raise Invalid(f"part_number must be between 1 and {MAX_PARTS:,}.")
    if not 1 <= chunk_size <= MAX_PART_BYTES:
        raise Invalid(f"chunk_size must be between 1 and {MAX_PART_BYTES:,}.")
    if size is not None and not 0 <= size <= MAX_OBJECT_BYTES:
        raise Invalid(f"size must be between 0 and {MAX_OBJECT_BYTES:,}.")


def _arrived(listed: EndedPart, stored: Sequence[UploadedPart]) -> UploadedPart:
    """The stored part that is meant; some stores keep each sending of a part that came twice."""
    if not stored:
        raise Invalid(f"Part {listed.number} has not arrived: send it, and end the upload again.")
    if listed.metadata is None:
        if len(stored) > 1:
            raise Invalid(
                f"Part {listed.number} has arrived {len(stored)} times: list it with the ETag of"
                " the right one as `metadata`."
            )
        return stored[0]
    for part in stored:
        if part.etag.strip('"') == listed.metadata.strip('"'):
            return part
    found = " or ".join(repr(part.etag) for part in stored)
    raise Invalid(
        f"Part {listed.number} has the ETag {found}, not {listed.metadata[:200]!r}: send it again,"
        " and end the upload again."
    )


def _subject(key: str, upload_id: str) -> str:
    return f"{upload_id} {key}"


def _prefix(upload: Upload) -> str:
    name = hashlib.sha256(_subject(upload.key, upload.id).encode()).hexdigest()
    return upload_prefix(name)
