"""What the inputs of a plan refer to, fetched before the function is called."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pumphouse.contracts.executions import PlannedInput
from pumphouse.contracts.mappings import StoredFile
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotFound, PumphouseError, Unavailable
from pumphouse.executor.at_once import at_once
from pumphouse.executor.faults import PlatformFault, UnusableInput
from pumphouse.mapping import check, clean_file_name
from pumphouse.storage import Storage, get_value

VALUES_LIMIT = 15 << 20
"""Of all values of one execution that are kept in the store, in bytes of JSON: the process takes
all its inputs in one frame."""

_FETCHES_AT_ONCE = 8


class Inputs:
    """Fetches for all executions of this executor, only so many objects at once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._room = asyncio.Semaphore(_FETCHES_AT_ONCE)

    async def fetch(self, inputs: Sequence[PlannedInput], folder: Path) -> dict[str, Any]:
        """The inputs that are not in the plan, by name; of files, where each now is.

        folder: made when there is a file. Raises UnusableInput that names the input, PlatformFault,
        and Unavailable when the store does not answer.
        """
        wanted = [planned for planned in inputs if _is_elsewhere(planned)]
        if not wanted:
            return {}
        _check_sizes(wanted)
        found = await at_once(
            self._one(planned, folder / str(position)) for position, planned in enumerate(wanted)
        )
        return {planned.name: value for planned, value in zip(wanted, found, strict=True)}

    async def _one(self, planned: PlannedInput, folder: Path) -> Any:
        async with self._room:
            try:
                if planned.data_type is DataType.FILE:
                    return await self._file(planned, folder)
                assert planned.reference is not None
                return await self._value(planned, planned.reference)
            except (UnusableInput, PlatformFault, Unavailable):
                raise
            except (PumphouseError, OSError) as error:
                raise PlatformFault(
                    f"The input {planned.name!r} cannot be fetched: {error}"
                ) from error

    async def _file(self, planned: PlannedInput, folder: Path) -> Path:
        if planned.reference is not None:
            bucket, key = self._storage.platform, planned.reference.key
            name = clean_file_name(planned.reference.name)
        else:
            assert isinstance(planned.source, StoredFile)
            bucket, key = self._storage.data, planned.source.path
            name = clean_file_name(key)
        folder.mkdir(parents=True)
        try:
            await bucket.get_file(key, folder / name)
        except NotFound as error:
            if planned.reference is not None:
                raise
            raise UnusableInput(
                f"The input {planned.name!r} is mapped to {key!r}, and the data store has no such"
                " object."
            ) from error
        return folder / name

    async def _value(self, planned: PlannedInput, reference: Reference) -> msgspec.Raw:
        """The JSON as it is kept, known to be of the input's type."""
        encoded = await get_value(self._storage.platform, reference)
        try:
            await asyncio.to_thread(
                lambda: check(planned.data_type, msgspec.json.decode(encoded)),
            )
        except Invalid as error:
            raise UnusableInput(f"The input {planned.name!r}: {error.message}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PlatformFault(f"What {reference.key!r} keeps is not JSON: {error}") from error
        return msgspec.Raw(encoded)


def _is_elsewhere(planned: PlannedInput) -> bool:
    is_stored = planned.data_type is DataType.FILE and isinstance(planned.source, StoredFile)
    return is_stored or planned.reference is not None


def _check_sizes(inputs: Sequence[PlannedInput]) -> None:
    size = sum(
        planned.reference.size
        for planned in inputs
        if planned.reference is not None and planned.data_type is not DataType.FILE
    )
    if size > VALUES_LIMIT:
        raise UnusableInput(
            f"The inputs are too large: {size / (1 << 20):.1f} MB of JSON,"
            f" where {VALUES_LIMIT >> 20} MB is the limit. Give them as files."
        )
