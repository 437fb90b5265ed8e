"""Deleting the files of what was discarded, as soon as the object store takes it."""

import asyncio
import logging
from contextlib import suppress

from pumphouse.errors import PumphouseError
from pumphouse.registry.queries import DiscardedFiles
from pumphouse.storage import Bucket

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class Clearing:
    """Woken by the discards of this instance; looks for those of others, and of before."""

    def __init__(self, discarded: DiscardedFiles, bucket: Bucket) -> None:
        self._discarded = discarded
        self._bucket = bucket
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Delete for ever; what cannot be deleted now is tried again later."""
        pause = FIRST_PAUSE_S
        while True:
            self._woken.clear()
            try:
                await self._clear()
            except PumphouseError as error:
                log.warning("discarded files wait to be deleted: %s", error.message)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()

    async def _clear(self) -> None:
        while (prefix := await self._discarded.take()) is not None:
            try:
                await self._bucket.delete_below(prefix)
            except PumphouseError:
                await self._discarded.put_back(prefix)
                raise
            await self._discarded.forget(prefix)
