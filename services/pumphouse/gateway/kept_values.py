"""Values that the store keeps because they are too large to travel, read back for answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pumphouse.contracts.executions import PlannedInput, ProducedOutput
from pumphouse.contracts.mappings import Constant
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType
from pumphouse.gateway.sharing import Shared
from pumphouse.storage import Bucket, get_value


@dataclass(frozen=True)
class KeptValues(Shared):
    """What `bucket`, the platform's own, keeps. Values come back as JSON that is not decoded.

    Everything here raises Unavailable, and NotFound for a value that is gone.
    """

    bucket: Bucket

    async def of_outputs(self, outputs: Sequence[ProducedOutput]) -> tuple[ProducedOutput, ...]:
        """The outputs with their values; a file stays where it is."""
        return tuple(await asyncio.gather(*map(self.of_output, outputs)))

    async def of_inputs(self, inputs: Sequence[PlannedInput]) -> tuple[PlannedInput, ...]:
        """The inputs with their values and constants; a file stays where it is."""
        return tuple(await asyncio.gather(*map(self.of_input, inputs)))

    async def of_output(self, item: ProducedOutput) -> ProducedOutput:
        if item.reference is None or item.data_type is DataType.FILE:
            return item
        value = await self._value(item.reference)
        return msgspec.structs.replace(item, value=value, reference=None)

    async def of_input(self, item: PlannedInput) -> PlannedInput:
        if item.data_type is DataType.FILE:
            return item
        constant = item.source.reference if isinstance(item.source, Constant) else None
        if (reference := item.reference or constant) is None:
            return item
        value = await self._value(reference)  # a plan refers to a constant as its mapping does
        if item.reference is not None:
            item = msgspec.structs.replace(item, value=value, reference=None)
        if constant is not None:
            item = msgspec.structs.replace(item, source=Constant(value=value))
        return item

    async def _value(self, reference: Reference) -> Any:
        return msgspec.Raw(await get_value(self.bucket, reference))
