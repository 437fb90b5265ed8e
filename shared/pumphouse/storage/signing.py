"""URLs that a store obeys: the minio client as a signer, which never talks to the store itself."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from minio import Minio
from minio.credentials.credentials import Credentials
from minio.datatypes import PostPolicy
from minio.signer import presign_v4

from pumphouse.errors import Invalid
from pumphouse.storage.address import Origin, StoreAddress

LINK_LIFE_S = 3600
"""How long what we give to clients can be used, in seconds."""

_OWN_LIFE_S = 900


@dataclass(frozen=True)
class UploadForm:
    """A form that stores a file: POST `fields` and, after them, the file as `file` to `url`."""

    url: str
    fields: dict[str, str]


class Signer:
    """Signs for one address of the store; offline, some ten microseconds each."""

    def __init__(self, address: StoreAddress, origin: Origin) -> None:
        self._origin = origin
        self._region = address.region
        self._credentials = Credentials(address.access_key, address.secret_key)
        self._client = Minio(
            origin.host,
            address.access_key,
            address.secret_key,
            secure=origin.scheme == "https",
            region=address.region,
        )
        self._client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]

    def object_url(
        self,
        method: str,
        bucket: str,
        key: str,
        query: Mapping[str, str] | None = None,
        life_s: int = _OWN_LIFE_S,
    ) -> str:
        """Raises Invalid for a key that stores do not take, or take for another."""
        _check(key)
        return self._client.get_presigned_url(
            method,
            bucket,
            key,
            expires=timedelta(seconds=life_s),
            extra_query_params=dict(query or {}),
        )

    def part_url(
        self, bucket: str, key: str, upload_id: str, number: int, life_s: int = _OWN_LIFE_S
    ) -> str:
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self.object_url("PUT", bucket, key, query, life_s)

    def bucket_url(self, method: str, bucket: str, query: Mapping[str, str] | None = None) -> str:
        encoded = "&".join(f"{name}={quote(text, safe='')}" for name, text in (query or {}).items())
        url = urlsplit(f"{self._origin}/{bucket}")._replace(query=encoded)
        return presign_v4(
            method=method,
            url=url,
            region=self._region,
            credentials=self._credentials,
            date=datetime.now(UTC),
            expires=_OWN_LIFE_S,
        ).geturl()

    def form(self, bucket: str, key: str, life_s: int) -> UploadForm:
        """Raises Invalid as object_url does."""
        _check(key)
        policy = PostPolicy(bucket, datetime.now(UTC) + timedelta(seconds=life_s))
        policy.add_equals_condition("key", key)
        fields = self._client.presigned_post_policy(policy)
        return UploadForm(f"{self._origin}/{bucket}", {**fields, "key": key})


def _check(key: str) -> None:
    """SeaweedFS drops empty segments, and takes a backslash for a slash."""
    reason = ""
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        reason = "no part of it between slashes may be empty, '.' or '..'"
    elif "\\" in key:
        reason = "it has a backslash"
    elif any(unicodedata.category(character) == "Cs" for character in key):
        reason = "it is not Unicode"
    if reason:
        raise Invalid(f"{key!r} cannot be the key of an object: {reason}.")
