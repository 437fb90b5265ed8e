"""Where the outputs of an execution go once its function has returned."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from pumphouse.contracts.executions import PlannedOutput, PlanResolved, ProducedOutput
from pumphouse.contracts.mappings import FileTarget
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import Status
from pumphouse.errors import Invalid, PumphouseError, Unavailable
from pumphouse.executor.at_once import at_once
from pumphouse.executor.endings import Ending
from pumphouse.executor.faults import PlatformFault, UnusableOutput
from pumphouse.executor.output_files import Snapshot
from pumphouse.storage import Bucket, Storage, oversized, put_value
from pumphouse.storage.keys import execution_prefix, output_key

T = TypeVar("T")

log = logging.getLogger(__name__)

_AT_ONCE = 4
_FIRST_REST_S = 0.1
_LONGEST_REST_S = 5.0


class Outputs:
    """Stores for all executions of this executor, only so many objects at once.

    The function has run and must not run again for it, so a store that does not answer is waited
    for, as long as it takes.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, plan: PlanResolved, ending: Ending) -> tuple[ProducedOutput, ...]:
        """The outputs with where they are; none unless the run succeeded.

        Raises UnusableOutput when the data store refuses one, and PlatformFault.
        """
        if ending.status is not Status.SUCCEEDED:
            return ()
        large = oversized([len(ending.outputs[output.name]) for output in plan.outputs])
        produced = {output.name: _in_message(output, ending) for output in plan.outputs}
        stored = await at_once(
            self._stored(plan, position, ending)
            for position, output in enumerate(plan.outputs)
            if output.name in ending.files or position in large
        )
        produced.update({output.name: output for output in stored})
        return tuple(produced.values())

    async def _stored(self, plan: PlanResolved, position: int, ending: Ending) -> ProducedOutput:
        output = plan.outputs[position]
        prefix = execution_prefix(plan.pipeline_id, plan.deployment_id, plan.execution_id)
        key = output_key(prefix, position)
        try:
            if (file := ending.files.get(output.name)) is None:
                encoded = bytes(ending.outputs[output.name])
                reference = await self._persist(
                    output, lambda: put_value(self._storage.platform, key, encoded)
                )
                return replace(_bare(output), reference=reference)
            if isinstance(output.destination, FileTarget):
                await self._put(output, self._storage.data, output.destination.path, file)
                return replace(_bare(output), written=file.size)
            await self._put(output, self._storage.platform, key, file)
            reference = Reference(key=key, size=file.size, name=file.name)
            return replace(_bare(output), reference=reference)
        except (PumphouseError, OSError) as error:
            if isinstance(error, Invalid) and isinstance(output.destination, FileTarget):
                raise UnusableOutput(
                    f"The output {output.name!r} cannot be written to"
                    f" {output.destination.path!r} in the data store: {error.message}"
                ) from error
            raise PlatformFault(f"The output {output.name!r} cannot be stored: {error}") from error

    async def _put(self, output: PlannedOutput, bucket: Bucket, key: str, file: Snapshot) -> None:
        await self._persist(output, lambda: bucket.put_file(key, file.path, file.size))

    async def _persist(self, output: PlannedOutput, store: Callable[[], Awaitable[T]]) -> T:
        """Try until the store answers."""
        rest_s = _FIRST_REST_S
        while True:
            try:
                async with self._room:
                    return await store()
            except Unavailable as error:
                if rest_s == _FIRST_REST_S:
                    log.warning("The output %r waits for the store: %s", output.name, error)
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, _LONGEST_REST_S)


def _bare(output: PlannedOutput) -> ProducedOutput:
    return ProducedOutput(
        name=output.name, data_type=output.data_type, destination=output.destination
    )


def _in_message(output: PlannedOutput, ending: Ending) -> ProducedOutput:
    return replace(_bare(output), value=ending.outputs[output.name])
