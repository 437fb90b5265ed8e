"""Opens the store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from pumphouse.errors import Conflict, NotFound, Unavailable
from pumphouse.storage.address import StoreAddress, parse_public_url, parse_store_url
from pumphouse.storage.bodies import of_bytes
from pumphouse.storage.bucket import Bucket
from pumphouse.storage.refusals import KeysRefused
from pumphouse.storage.signing import Signer
from pumphouse.storage.transport import Transport, open_transport

_PAUSE_S = 0.2
_WITHOUT_CONSTRAINT = "us-east-1"


@dataclass(frozen=True)
class Storage:
    """data: the data store, users' objects by their paths. platform: the platform's own: code,
    files of executions, large values; no user's path leads there."""

    data: Bucket
    platform: Bucket


@asynccontextmanager
async def open_storage(
    s3_url: str, public_url: str | None = None, *, wait_s: float = 10
) -> AsyncIterator[Storage]:
    """The two buckets of one store, made when they are not there.

    s3_url: as `parse_store_url` takes it; the data store is the bucket BUCKET, the
    platform's own is BUCKET-platform.
    public_url: scheme, host and port that clients reach the store by, when it is another.
    wait_s: how long a store that is still starting is waited for.
    Raises Invalid for an address that is none, Unavailable when the store does not answer or
    refuses the keys.
    """
    address = parse_store_url(s3_url)
    own = Signer(address, address.origin)
    public = Signer(address, parse_public_url(public_url)) if public_url else own
    async with open_transport(socket=address.socket) as transport:
        await _prepare(transport, own, address, wait_s)
        yield Storage(
            *(
                Bucket(name, transport, own, public)
                for name in (address.bucket, address.platform_bucket)
            )
        )


async def _prepare(
    transport: Transport, signer: Signer, address: StoreAddress, wait_s: float
) -> None:
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            for name in (address.bucket, address.platform_bucket):
                await _ensure(transport, signer, name, address.region)
            return
        except KeysRefused:
            raise
        except Unavailable:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(_PAUSE_S)


async def _ensure(transport: Transport, signer: Signer, name: str, region: str) -> None:
    """Make the bucket if there is none."""
    absent = f"There is no bucket {name!r}."
    try:
        # The answer to a HEAD has no room for the reason of a refusal: the listing below does.
        with suppress(KeysRefused):
            await transport.call("HEAD", signer.bucket_url("HEAD", name), absent=absent)
    except NotFound:
        body = of_bytes(_constraint(region))
        # Another service may be faster.
        with suppress(Conflict):
            await transport.call("PUT", signer.bucket_url("PUT", name), absent=absent, body=body)
    url = signer.bucket_url("GET", name, {"list-type": "2", "max-keys": "1"})
    await transport.call("GET", url, absent=absent)


def _constraint(region: str) -> bytes:
    if region == _WITHOUT_CONSTRAINT:
        return b""
    root = Element("CreateBucketConfiguration")
    SubElement(root, "LocationConstraint").text = region
    return tostring(root)
