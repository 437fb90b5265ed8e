"""Pipelines, deployments and events as the tests need them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid_utils

from pumphouse.contracts.catalog import Code, Deployment, Pipeline, PipelineInput, PipelineOutput
from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionLogged,
    ExecutionStarted,
    LogLine,
    PlannedInput,
    ProducedOutput,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import (
    InputMapping,
    Mapping,
    OutputMapping,
    RunOutput,
    RunValue,
)
from pumphouse.contracts.vocabulary import (
    DataType,
    DeploymentStatus,
    Mode,
    Origin,
    Rule,
    Status,
)
from pumphouse.registry.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

_LONG_S = 100 * 365 * 86_400
"""So that samples of NOW are kept, whenever the tests run."""

MAPPING = Mapping(
    inputs=(InputMapping(input="number", source=RunValue(name="number")),),
    outputs=(OutputMapping(output="double", destination=RunOutput(name="double")),),
)

INPUTS = (
    PlannedInput(
        name="number", data_type=DataType.NUMBER, source=RunValue(name="number"), value=21
    ),
)
OUTPUTS = (
    ProducedOutput(
        name="double", data_type=DataType.NUMBER, destination=RunOutput(name="double"), value=42
    ),
)


def settings(database_url: str, store_url: str, **other: Any) -> Settings:
    given: dict[str, Any] = {"admin_token": "a-token-of-the-tests", "sample_life_s": _LONG_S}
    return Settings(database_url=database_url, s3_url=store_url, **(given | other))


def new_id() -> str:
    return str(uuid_utils.uuid7())


def pipeline(name: str = "double", **other: Any) -> Pipeline:
    given: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "code": Code(archive="code/1", function_path="main.py", function_name="double"),
        "inputs": (PipelineInput(name="number", data_type=DataType.NUMBER),),
        "outputs": (PipelineOutput(name="double", data_type=DataType.NUMBER),),
        "created_at": NOW,
        "created_by": "someone",
    }
    return Pipeline(**(given | other))


def deployment(of: Pipeline, name: str = "double-endpoint", **other: Any) -> Deployment:
    given: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "pipeline_id": of.id,
        "rule": Rule.ENDPOINT,
        "mode": Mode.ELASTIC,
        "mapping": MAPPING,
        "status": DeploymentStatus.UP,
        "endpoint_url_path": name,
        "created_at": NOW,
        "created_by": "someone",
        "updated_at": NOW,
        "updated_by": "someone",
    }
    return Deployment(**(given | other))


def trigger(of: Pipeline, **other: Any) -> TriggerAccepted:
    given: dict[str, Any] = {
        "execution_id": new_id(),
        "origin": Origin.RUN,
        "pipeline_id": of.id,
        "inputs": {"number": 21},
        "mapping": MAPPING,
        "accepted_at": NOW,
        "accepted_by": "someone",
        "catalog_revision": 1,
    }
    return TriggerAccepted(**(given | other))


def started(of: TriggerAccepted, **other: Any) -> ExecutionStarted:
    given: dict[str, Any] = {
        "execution_id": of.execution_id,
        "started_at": NOW + timedelta(seconds=1),
        "inputs": INPUTS,
    }
    return ExecutionStarted(**(given | other))


def logged(
    of: TriggerAccepted, *texts: str, position: int = 0, attempt: int = 1
) -> ExecutionLogged:
    return ExecutionLogged(
        execution_id=of.execution_id, attempt=attempt, position=position, lines=lines(*texts)
    )


def lines(*texts: str) -> tuple[LogLine, ...]:
    return tuple(LogLine(at=NOW, stream="stdout", text=text) for text in texts)


def finished(of: TriggerAccepted, **other: Any) -> ExecutionFinished:
    given: dict[str, Any] = {
        "execution_id": of.execution_id,
        "status": Status.SUCCEEDED,
        "started_at": NOW + timedelta(seconds=1),
        "finished_at": NOW + timedelta(seconds=2),
        "inputs": INPUTS,
        "outputs": OUTPUTS,
    }
    return ExecutionFinished(**(given | other))


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float = 30) -> None:
    """Return once `holds` says so; fail when it never does."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline, "it never came true"
        await asyncio.sleep(0.02)
