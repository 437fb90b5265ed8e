"""An open store with new buckets, and stores that fail as told."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pumphouse.storage import Bucket, Storage, open_storage
from tests.servers.object_store import OwnStore, fresh_store, own_object_store


@pytest.fixture
def store_url(s3_url: str) -> Iterator[str]:
    """URL of buckets that are not there yet."""
    with fresh_store(s3_url) as url:
        yield url


@pytest.fixture
async def storage(store_url: str) -> AsyncIterator[Storage]:
    async with open_storage(store_url) as opened:
        yield opened


@pytest.fixture
def bucket(storage: Storage) -> Bucket:
    return storage.data


@pytest.fixture
def own_store() -> Iterator[OwnStore]:
    """A store that the test may kill, and start again."""
    with own_object_store() as store:
        yield store
