"""Plans with files in them, in both modes."""

import uuid
from typing import Any

from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlannedInput,
    PlannedOutput,
    PlanResolved,
    ProducedOutput,
)
from pumphouse.contracts.mappings import (
    Constant,
    Dropped,
    EndpointOutput,
    EndpointValue,
    FileTarget,
    StoredFile,
)
from pumphouse.contracts.references import Reference
from pumphouse.contracts.vocabulary import DataType, Mode, Status
from pumphouse.storage import put_value
from pumphouse.storage.keys import execution_prefix
from tests.integration.executor.platform import Platform

WRITE = """
def main(content):
    with open("made.bin", "wb") as file:
        file.write(content.encode())
    return {"f": {"path": "made.bin"}}
"""


def unique(path: str) -> str:
    """A path of the data store that no other test uses."""
    return f"{uuid.uuid4().hex}/{path}"


async def given_file(
    platform: Platform, name: str, content: bytes, file_name: str | None = "given.bin"
) -> PlannedInput:
    """A file that the caller sent."""
    key = unique("inputs/0")
    await platform.storage.platform.put(key, content)
    reference = Reference(key=key, size=len(content), name=file_name)
    source = EndpointValue(name=name)
    return PlannedInput(name=name, data_type=DataType.FILE, source=source, reference=reference)


def stored_file(name: str, path: str) -> PlannedInput:
    """A file of the data store."""
    return PlannedInput(name=name, data_type=DataType.FILE, source=StoredFile(path=path))


async def large_constant(
    platform: Platform, name: str, encoded: bytes, data_type: DataType = DataType.JSON
) -> PlannedInput:
    """A constant that the platform keeps."""
    reference = await put_value(platform.storage.platform, unique("constant"), encoded)
    source = Constant(reference=reference)
    return PlannedInput(name=name, data_type=data_type, source=source, reference=reference)


def returned_file(name: str = "f") -> PlannedOutput:
    """A file for the caller."""
    return PlannedOutput(name=name, data_type=DataType.FILE, destination=EndpointOutput(name=name))


def target_file(path: str, name: str = "f") -> PlannedOutput:
    """A file for the data store."""
    return PlannedOutput(name=name, data_type=DataType.FILE, destination=FileTarget(path=path))


def dropped_file(name: str = "f") -> PlannedOutput:
    return PlannedOutput(name=name, data_type=DataType.FILE, destination=Dropped())


async def planned(
    platform: Platform, mode: Mode, source: str, inputs: Any = (), outputs: Any = ()
) -> PlanResolved:
    """A plan of one mode, with a deployment for it."""
    code = await platform.code(source)
    if mode is Mode.ELASTIC:
        return platform.plan(code, inputs, outputs)
    deployment = await platform.deploy(code)
    return platform.plan(code, inputs, outputs, mode=mode, deployment_id=deployment.id)


async def run_in(
    platform: Platform, mode: Mode, source: str, inputs: Any = (), outputs: Any = ()
) -> ExecutionFinished:
    """Run `main` of a source in one mode, to its end."""
    plan = await planned(platform, mode, source, inputs, outputs)
    await platform.send(plan)
    return await platform.end(plan)


async def refusal(platform: Platform, mode: Mode, source: str, outputs: Any = None) -> str:
    """Why an execution with the file output `f` failed."""
    outputs = (returned_file(),) if outputs is None else outputs
    finished = await run_in(platform, mode, source, (), outputs)
    assert finished.status is Status.FAILED, finished
    assert finished.outputs == ()
    assert finished.error is not None
    return finished.error


async def content_of(platform: Platform, output: ProducedOutput) -> bytes:
    """The file that an output refers to."""
    assert output.value is None
    assert output.written is None
    assert output.reference is not None
    content = await platform.storage.platform.get(output.reference.key)
    assert len(content) == output.reference.size
    return content


async def objects_of(platform: Platform, plan: PlanResolved) -> list[str]:
    """Keys of all that is kept for the execution of a plan."""
    prefix = execution_prefix(plan.pipeline_id, plan.deployment_id, plan.execution_id)
    page = await platform.storage.platform.page(prefix)
    return [item.key.removeprefix(prefix) for item in page.objects]
