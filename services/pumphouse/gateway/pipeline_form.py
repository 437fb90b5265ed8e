"""The form that creates a pipeline, as the document of the API shows it."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from pumphouse.contracts.vocabulary import DataType
from pumphouse.gateway.bodies import MULTIPART, URLENCODED
from pumphouse.gateway.described import Bytes, Content
from pumphouse.gateway.names import Name, Text

Flag = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["True", "False", "true", "false"]})]


class DeclaredInput(msgspec.Struct, frozen=True, kw_only=True):
    """default_value: of that type, its parts as texts; json and array are in brackets again."""

    name: str
    data_type: DataType
    description: Text | UnsetType = UNSET
    is_required: Flag | UnsetType = UNSET
    default_value: Any = UNSET


class DeclaredOutput(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    data_type: DataType
    description: Text | UnsetType = UNSET


class ContainerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is not there is as the project says; an empty text is nothing, whatever it says."""

    language: str | UnsetType = UNSET
    repository_url: str | UnsetType = UNSET
    repository_branch: str | UnsetType = UNSET
    repository_deploy_key: str | UnsetType = UNSET
    included_folders: list[str] = []
    system_dependencies: list[str] = []
    requirements_path: str | UnsetType = UNSET
    dockerfile_path: str | UnsetType = UNSET


class PipelineOfRepository(msgspec.Struct, frozen=True, kw_only=True):
    """Members of members are fields with brackets, as in `inputs[0][name]`.

    function_path, function_name: both, or `container_config[dockerfile_path]` in their place.
    """

    pipeline_name: Name
    function_path: str | UnsetType = UNSET
    function_name: str | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    container_config: ContainerConfig = ContainerConfig()
    inputs: list[DeclaredInput] = []
    outputs: list[DeclaredOutput] = []


class PipelineOfFolder(PipelineOfRepository, frozen=True, kw_only=True):
    """step_file: a gzip-compressed tar of the folder. The rest is as in a form without files."""

    step_file: Bytes = UNSET


PIPELINE_FORM: Content = {URLENCODED: PipelineOfRepository, MULTIPART: PipelineOfFolder}
