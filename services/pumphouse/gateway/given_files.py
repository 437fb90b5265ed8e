"""Files that callers give, on their way into the store."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pumphouse.contracts.references import Reference
from pumphouse.errors import Invalid, PumphouseError, Unavailable
from pumphouse.mapping import clean_file_name
from pumphouse.storage import Bucket
from pumphouse.storage.keys import input_key

logger = logging.getLogger(__name__)


@dataclass
class Intake:
    """What comes in for one execution before it is triggered.

    prefix: where the store keeps what is the execution's. files: by the caller's names.
    is_offered: the trigger is on its way, so that the execution may have come to be.
    """

    bucket: Bucket
    execution_id: str
    prefix: str
    files: dict[str, Reference] = field(default_factory=dict)
    is_offered: bool = False

    async def take(self, name: str, file_name: str | None, chunks: AsyncIterator[bytes]) -> None:
        """Store a file while it arrives.

        Raises Invalid for a second file of that name, Unavailable, and what `chunks` raises.
        """
        if name in self.files:
            raise Invalid(f"The file {name[:200]!r} is given more than once.")
        key = input_key(self.prefix, len(self.files))
        size = await self.bucket.put_stream(key, chunks)
        self.files[name] = Reference(key=key, size=size, name=clean_file_name(file_name, name))

    async def discard(self) -> None:
        """Delete what is stored, as far as the store answers."""
        if not self.files and not self.is_offered:
            return
        try:
            await self.bucket.delete_below(self.prefix)
        except Unavailable as error:
            logger.warning("%s stays in the store for now: %s", self.prefix, error.message)


@asynccontextmanager
async def taking_in(bucket: Bucket, execution_id: str, prefix: str) -> AsyncIterator[Intake]:
    """An intake that leaves nothing behind in the store when no execution comes of it."""
    intake = Intake(bucket, execution_id, prefix)
    try:
        yield intake
    except BaseException as error:
        if not intake.is_offered or _is_refusal(error):
            await intake.discard()
        raise


def _is_refusal(error: BaseException) -> bool:
    """Whether no trigger can be stored after the error; of others nobody knows."""
    return isinstance(error, PumphouseError) and not isinstance(error, Unavailable)
