"""The resolver and the executor, as small as the gateway's tests can bear."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from pumphouse.bus import Bus, Envelope
from pumphouse.bus.topology import RESOLVER
from pumphouse.contracts.catalog import Pipeline
from pumphouse.contracts.executions import (
    ExecutionFinished,
    LogLine,
    PlannedInput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import (
    Constant,
    EndpointValue,
    FileTarget,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Status
from pumphouse.storage import Storage, put_value
from pumphouse.storage.keys import execution_prefix, output_key

Function = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def add(inputs: dict[str, Any]) -> dict[str, Any]:
    """The function of every pipeline in these tests, unless one sets another."""
    return {"sum": (inputs.get("a") or 0) + (inputs.get("b") or 0)}


@dataclass(frozen=True)
class Kept:
    """A value that an executor has put away because it is large."""

    value: Any


@dataclass
class FakeExecutor:
    """Resolver and executor in one: calls `function` with the values of the trigger.

    The function takes files as bytes, or as references unless reads_files; it gives them as either,
    and large values as Kept. storage: set by who has one.
    """

    bus: Bus
    pipelines: Callable[[], list[Pipeline]]
    function: Function = add
    replies: bool = True
    reads_files: bool = True
    storage: Storage | None = None

    def clear(self) -> None:
        self.function, self.replies, self.reads_files = add, True, True

    async def open(self) -> None:
        await self.bus.consume(RESOLVER, {TriggerAccepted: self._run})

    async def _run(self, trigger: TriggerAccepted, envelope: Envelope) -> None:
        inputs = self._planned(trigger)
        given = {item.name: await self._content(item) for item in inputs}
        now = datetime.now(UTC)
        status, outputs, error = Status.SUCCEEDED, {}, None
        try:
            outputs = await self.function(given)
        except RuntimeError as failure:
            status, error = Status.FAILED, f"RuntimeError: {failure}"
        finished = ExecutionFinished(
            execution_id=trigger.execution_id,
            status=status,
            started_at=now,
            finished_at=datetime.now(UTC),
            inputs=tuple(inputs),
            outputs=await self._produced(trigger, outputs) if error is None else (),
            error=error,
            lines=(LogLine(at=now, stream="stdout", text="running"),),
        )
        if envelope.reply_to and self.replies:
            await self.bus.reply(
                finished, to=envelope.reply_to, correlation_id=envelope.correlation_id or ""
            )
        await self.bus.publish(finished)

    def _pipeline(self, trigger: TriggerAccepted) -> Pipeline:
        return next(found for found in self.pipelines() if found.id == trigger.pipeline_id)

    def _planned(self, trigger: TriggerAccepted) -> list[PlannedInput]:
        types = {item.name: item.data_type for item in self._pipeline(trigger).inputs}
        inputs = []
        for item in trigger.mapping.inputs:
            value: Any = None
            reference: Reference | None = None
            match item.source:
                case Constant() as constant:
                    value, reference = constant.value, constant.reference
                case EndpointValue(name=name, default=default):
                    value = trigger.inputs.get(name, default)
                    reference = trigger.files.get(name)
                case RunValue(name=name):
                    value = trigger.inputs.get(name)
                    reference = trigger.files.get(name)
            inputs.append(
                PlannedInput(
                    name=item.input,
                    data_type=types[item.input],
                    source=item.source,
                    value=None if value is msgspec.UNSET else value,
                    reference=reference,
                )
            )
        return inputs

    async def _content(self, item: PlannedInput) -> Any:
        if isinstance(item.source, StoredFile):
            return await self._store().data.get(item.source.path)
        if item.reference is None:
            return item.value
        if not self.reads_files:
            return item.reference
        content = await self._store().platform.get(item.reference.key)
        return content if item.data_type is DataType.FILE else msgspec.json.decode(content)

    async def _produced(
        self, trigger: TriggerAccepted, outputs: dict[str, Any]
    ) -> tuple[ProducedOutput, ...]:
        types = {item.name: item.data_type for item in self._pipeline(trigger).outputs}
        prefix = execution_prefix(trigger.pipeline_id, trigger.deployment_id, trigger.execution_id)
        produced = []
        for position, item in enumerate(trigger.mapping.outputs):
            value, key = outputs[item.output], output_key(prefix, position)
            reference: Reference | None = None
            written: int | None = None
            match value, item.destination:
                case bytes(), FileTarget(path=path):
                    await self._store().data.put(path, value)
                    written = len(value)
                case bytes(), _:
                    await self._store().platform.put(key, value)
                    reference = Reference(key=key, size=len(value))
                case Reference(), _:
                    reference = value
                case Kept(value=kept), _:
                    encoded = msgspec.json.encode(kept)
                    reference = await put_value(self._store().platform, key, encoded)
            produced.append(
                ProducedOutput(
                    name=item.output,
                    data_type=types[item.output],
                    destination=item.destination,
                    value=None if isinstance(value, bytes | Reference | Kept) else value,
                    reference=reference,
                    written=written,
                )
            )
        return tuple(produced)

    def _store(self) -> Storage:
        assert self.storage is not None, "this test needs a store"
        return self.storage
