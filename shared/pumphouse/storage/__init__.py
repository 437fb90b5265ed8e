"""The object store: users' objects by path, and what the platform keeps for itself."""

from pumphouse.storage.bucket import Bucket
from pumphouse.storage.listing import ObjectInfo, Page
from pumphouse.storage.opening import Storage, open_storage
from pumphouse.storage.signing import LINK_LIFE_S, UploadForm
from pumphouse.storage.transport import Reading
from pumphouse.storage.uploads import PART_BYTES, UploadedPart
from pumphouse.storage.values import LARGEST_ON_BUS, get_value, oversized, put_value

__all__ = [
    "LARGEST_ON_BUS",
    "LINK_LIFE_S",
    "PART_BYTES",
    "Bucket",
    "ObjectInfo",
    "Page",
    "Reading",
    "Storage",
    "UploadForm",
    "UploadedPart",
    "get_value",
    "open_storage",
    "oversized",
    "put_value",
]
