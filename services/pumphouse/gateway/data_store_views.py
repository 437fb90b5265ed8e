"""What the HTTP API shows of the data store."""

import msgspec

from pumphouse.gateway.answers import Moment
from pumphouse.storage import ObjectInfo


class ShownObject(msgspec.Struct, frozen=True):
    """An object. size: in bytes."""

    path: str
    last_modified: Moment
    size: int


class ListedObjects(msgspec.Struct, frozen=True):
    """A page. continuation_token: for the next one, null at the last."""

    items: list[ShownObject]
    continuation_token: str | None


class UploadForm(msgspec.Struct, frozen=True):
    """Where to POST a form with these fields and after them the part `file`."""

    signed_url: str
    fields: dict[str, str]


class PartLink(msgspec.Struct, frozen=True):
    """Where to PUT the bytes of a part, with these headers."""

    signed_url: str
    headers: dict[str, str]


class StoredPath(msgspec.Struct, frozen=True):
    path: str


def show_object(found: ObjectInfo) -> ShownObject:
    return ShownObject(found.key, found.modified_at, found.size)
