"""Constants of mappings that are too large to travel with every message."""

import hashlib
from dataclasses import dataclass

import msgspec

from pumphouse.contracts.mappings import AnySource, Constant, InputMapping, Mapping
from pumphouse.storage import Bucket, get_value, oversized, put_value
from pumphouse.storage.keys import constant_key


@dataclass(frozen=True)
class Constants:
    """Keeps them in `bucket`, the platform's own, where a mapping only refers to them."""

    bucket: Bucket

    async def put_away(self, mapping: Mapping, prefix: str) -> Mapping:
        """The mapping with its large constants kept below `prefix`, the owner's own place.

        Together, those that stay are small enough to travel. Raises Unavailable.
        """
        constants = [
            item.source
            for item in mapping.inputs
            if isinstance(item.source, Constant) and item.source.reference is None
        ]
        encoded = [msgspec.json.encode(constant.value) for constant in constants]
        kept: dict[int, Constant] = {}
        for index in oversized([len(value) for value in encoded]):
            key = constant_key(prefix, hashlib.sha256(encoded[index]).hexdigest())
            reference = await put_value(self.bucket, key, encoded[index])
            kept[id(constants[index])] = Constant(reference=reference)
        return _replaced(mapping, [kept.get(id(i.source), i.source) for i in mapping.inputs])

    async def brought_back(self, mapping: Mapping) -> Mapping:
        """The mapping with all its constants in it. Raises Unavailable, NotFound."""
        return _replaced(mapping, [await self.whole(item.source) for item in mapping.inputs])

    async def forget(self, mapping: Mapping) -> None:
        """Delete what was put away for a mapping that nothing came of. Raises Unavailable."""
        for item in mapping.inputs:
            if isinstance(item.source, Constant) and item.source.reference is not None:
                await self.bucket.delete(item.source.reference.key)

    async def whole(self, source: AnySource) -> AnySource:
        """The source; a constant with its value. Raises Unavailable, NotFound."""
        if not isinstance(source, Constant) or source.reference is None:
            return source
        encoded = await get_value(self.bucket, source.reference)
        return Constant(value=msgspec.json.decode(encoded))


def _replaced(mapping: Mapping, sources: list[AnySource]) -> Mapping:
    inputs = (
        InputMapping(input=item.input, source=source)
        for item, source in zip(mapping.inputs, sources, strict=True)
    )
    return msgspec.structs.replace(mapping, inputs=tuple(inputs))
