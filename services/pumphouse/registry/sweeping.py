"""Looking through the object store, now and then, for what nobody will ask for again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from pumphouse.errors import PumphouseError
from pumphouse.registry.clearing import Clearing
from pumphouse.registry.owners import OWNED_PREFIX, orphaned_prefixes, owner_of
from pumphouse.registry.queries import DiscardedFiles, Owners
from pumphouse.storage import Bucket, ObjectInfo, Storage
from pumphouse.storage.keys import UPLOADS_PREFIX

log = logging.getLogger(__name__)

AT_ONCE = 1000
SETTLED_AFTER_S = 600.0
"""By then a registry that was away has folded the events that waited for it."""


class Sweep:
    """Discards what has no owner, and ends uploads that nobody ends.

    What is young may belong to an execution that is about to be accepted: files arrive before
    the record.
    """

    def __init__(
        self,
        storage: Storage,
        owners: Owners,
        discarded: DiscardedFiles,
        clearing: Clearing,
    ) -> None:
        self._storage = storage
        self._owners = owners
        self._discarded = discarded
        self._clearing = clearing

    async def run(self, every_s: float, life_s: float) -> None:
        """Sweep for ever. A sweep that fails is done again sooner.

        life_s: age from which on objects and uploads count.
        """
        await asyncio.sleep(min(SETTLED_AFTER_S, every_s))
        while True:
            pause = every_s
            try:
                await self.once(before=datetime.now(UTC) - timedelta(seconds=life_s))
            except PumphouseError as error:
                log.warning("the object store was not swept: %s", error.message)
                pause = min(SETTLED_AFTER_S, every_s)
            await asyncio.sleep(pause)

    async def once(self, before: datetime) -> None:
        """Look at what was there before then. Raises Unavailable."""
        for bucket in (self._storage.data, self._storage.platform):
            await bucket.abort_uploads(before)
        platform = self._storage.platform
        async for old in _older(platform, UPLOADS_PREFIX, before):
            for item in old:
                await platform.delete(item.key)
        async for old in _older(platform, OWNED_PREFIX, before):
            await self._discard_orphans(old)

    async def _discard_orphans(self, objects: Sequence[ObjectInfo]) -> None:
        owners = {owner for item in objects if (owner := owner_of(item.key)) is not None}
        prefixes = orphaned_prefixes(owners, await self._owners.known(owners))
        if prefixes:
            log.info("deleting files without an owner: %d prefixes", len(prefixes))
            await self._discarded.discard(prefixes)
            self._clearing.wake()


async def _older(
    bucket: Bucket, prefix: str, before: datetime
) -> AsyncIterator[Sequence[ObjectInfo]]:
    """The objects below the prefix that were written before then, a page at a time."""
    async for objects in bucket.pages(prefix, AT_ONCE):
        if old := [item for item in objects if item.modified_at < before]:
            yield old
