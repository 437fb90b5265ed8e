"""Pipelines, deployments and strategies that the tests of several packages build on."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from pumphouse.contracts.catalog import (
    Code,
    Deployment,
    Pipeline,
    PipelineInput,
    PipelineOutput,
)
from pumphouse.contracts.mappings import (
    AnyDestination,
    AnySource,
    InputMapping,
    Mapping,
    OutputMapping,
)
from pumphouse.contracts.vocabulary import DataType, DeploymentStatus, Mode, Rule

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
PIPELINE_ID = "01957a3a-0000-7000-8000-000000000001"
DEPLOYMENT_ID = "01957a3a-0000-7000-8000-00000000000a"
USER_ID = "01957a3a-0000-7000-8000-0000000000ff"

VALUE_TYPES = [data_type for data_type in DataType if data_type is not DataType.FILE]


def an_input(
    name: str,
    data_type: DataType = DataType.NUMBER,
    *,
    is_required: bool | None = None,
    default: Any = msgspec.UNSET,
) -> PipelineInput:
    return PipelineInput(name=name, data_type=data_type, is_required=is_required, default=default)


def an_output(name: str, data_type: DataType = DataType.NUMBER) -> PipelineOutput:
    return PipelineOutput(name=name, data_type=data_type)


def a_pipeline(
    *inputs: PipelineInput, outputs: tuple[PipelineOutput, ...] = (), id: str = PIPELINE_ID
) -> Pipeline:
    return Pipeline(
        id=id,
        name="add",
        code=Code(archive="archives/1", function_path="main.py", function_name="add"),
        inputs=inputs,
        outputs=outputs,
        created_at=NOON,
        created_by=USER_ID,
    )


def a_deployment(
    mapping: Mapping | None = None,
    *,
    id: str = DEPLOYMENT_ID,
    name: str = "adding",
    rule: Rule = Rule.ENDPOINT,
    mode: Mode = Mode.ELASTIC,
    is_enabled: bool = True,
    schedule: str | None = None,
    endpoint_url_path: str | None = None,
    execution_timeout_s: int | None = None,
    ram_request: str | None = None,
    updated_at: datetime = NOON,
    pipeline_id: str = PIPELINE_ID,
) -> Deployment:
    return Deployment(
        id=id,
        name=name,
        pipeline_id=pipeline_id,
        rule=rule,
        mode=mode,
        mapping=mapping or Mapping(),
        is_enabled=is_enabled,
        status=DeploymentStatus.UP,
        schedule=schedule,
        endpoint_url_path=endpoint_url_path,
        execution_timeout_s=execution_timeout_s,
        ram_request=ram_request,
        created_at=NOON,
        created_by=USER_ID,
        updated_at=updated_at,
        updated_by=USER_ID,
    )


def mapping(
    inputs: dict[str, AnySource] | None = None, outputs: dict[str, AnyDestination] | None = None
) -> Mapping:
    return Mapping(
        inputs=tuple(InputMapping(input=n, source=s) for n, s in (inputs or {}).items()),
        outputs=tuple(OutputMapping(output=n, destination=d) for n, d in (outputs or {}).items()),
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXT | NUMBERS | st.booleans(),
    lambda inner: (
        st.lists(inner | st.none(), max_size=3)
        | st.dictionaries(TEXT, inner | st.none(), max_size=3)
    ),
    max_leaves=6,
)

VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.STRING: TEXT,
    DataType.NUMBER: NUMBERS,
    DataType.BOOLEAN: st.booleans(),
    DataType.JSON: JSON_VALUES,
    DataType.ARRAY: st.lists(JSON_VALUES | st.none(), max_size=3),
}
