"""What the HTTP API shows of pipelines."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from pumphouse.contracts.catalog import Pipeline, PipelineInput, PipelineOutput, Template
from pumphouse.contracts.vocabulary import DataType, PipelineStatus, Rule
from pumphouse.gateway.answers import Moment

CodeOrigin = Literal["git_repository", "local"]


class ShownInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input that a pipeline declares."""

    name: str
    data_type: DataType
    description: str | UnsetType = UNSET
    is_required: bool | UnsetType = UNSET
    default_value: Any = UNSET


class ShownOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output that a pipeline declares."""

    name: str
    data_type: DataType
    description: str | UnsetType = UNSET


class ShownContainer(msgspec.Struct, frozen=True, kw_only=True):
    """The `container_config` as it took effect at creation."""

    language: str | UnsetType | None = UNSET
    repository_url: str | UnsetType | None = UNSET
    repository_branch: str | UnsetType | None = UNSET
    included_folders: list[str] | UnsetType | None = UNSET
    system_dependencies: list[str] | UnsetType | None = UNSET
    dockerfile_path: str | UnsetType | None = UNSET
    requirements_path: str | UnsetType | None = UNSET


class PipelineParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What its author said of a pipeline; one with a Dockerfile has no function."""

    pipeline_name: str
    function_path: str | None
    function_name: str | None
    description: str | None
    inputs: list[ShownInput]
    outputs: list[ShownOutput]
    container_config: ShownContainer


class PipelineCreation(msgspec.Struct, frozen=True, kw_only=True):
    """How a pipeline came to be. status_message: why it could not be created."""

    id: str
    created_at: Moment
    created_by: str
    commit_id: str | None
    status: PipelineStatus
    status_message: str | UnsetType = UNSET
    origin: CodeOrigin
    pipeline_template: Template | None


class ShownPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline."""

    parameters: PipelineParameters
    creation_info: PipelineCreation


class ListedPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline as lists show it."""

    pipeline_name: str
    created_at: Moment
    status: PipelineStatus


class PipelineNamed(msgspec.Struct, frozen=True):
    name: str


class DeletedDeployment(msgspec.Struct, frozen=True):
    name: str
    execution_rule: Rule


class DeletedPipeline(msgspec.Struct, frozen=True):
    """A pipeline that is gone, and the deployments that went with it."""

    pipeline: PipelineNamed
    deployments: list[DeletedDeployment]


class SignedLink(msgspec.Struct, frozen=True):
    """An address of the object store that opens without a token for a while."""

    signed_url: str


def show_pipeline(pipeline: Pipeline) -> ShownPipeline:
    return ShownPipeline(
        parameters=PipelineParameters(
            pipeline_name=pipeline.name,
            function_path=pipeline.code.function_path or None,
            function_name=pipeline.code.function_name or None,
            description=pipeline.description,
            inputs=[show_declared_input(item) for item in pipeline.inputs],
            outputs=[show_declared_output(item) for item in pipeline.outputs],
            container_config=_container(pipeline.container),
        ),
        creation_info=PipelineCreation(
            id=pipeline.id,
            created_at=pipeline.created_at,
            created_by=pipeline.created_by,
            commit_id=pipeline.commit_id,
            status=pipeline.status,
            status_message=_if_any(pipeline.status_message),
            origin=origin_of(pipeline),
            pipeline_template=pipeline.template,
        ),
    )


def list_pipeline(pipeline: Pipeline) -> ListedPipeline:
    return ListedPipeline(
        pipeline_name=pipeline.name, created_at=pipeline.created_at, status=pipeline.status
    )


def origin_of(pipeline: Pipeline | None) -> CodeOrigin:
    """Where the code of a pipeline is from; that of one which is gone was here."""
    has_repository = pipeline is not None and pipeline.container.get("repository_url")
    return "git_repository" if has_repository else "local"


def show_declared_input(item: PipelineInput) -> ShownInput:
    return ShownInput(
        name=item.name,
        data_type=item.data_type,
        description=_if_any(item.description),
        is_required=UNSET if item.is_required is None else item.is_required,
        default_value=UNSET if item.default is None else item.default,
    )


def show_declared_output(item: PipelineOutput) -> ShownOutput:
    return ShownOutput(
        name=item.name, data_type=item.data_type, description=_if_any(item.description)
    )


def _container(container: dict[str, Any]) -> ShownContainer:
    known = ShownContainer.__struct_fields__
    return ShownContainer(**{key: value for key, value in container.items() if key in known})


def _if_any(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
