"""From the form that creates a pipeline to the pipeline."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.datastructures import UploadFile

from pumphouse.archives import path_inside
from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid
from pumphouse.gateway.containers import read_container
from pumphouse.gateway.forms import (
    Node,
    as_boolean,
    as_list,
    as_object,
    as_text,
    as_value,
    read_tree,
)
from pumphouse.gateway.names import check_name, check_text
from pumphouse.gateway.project import ProjectDefaults
from pumphouse.mapping import check_declarations

ARCHIVE_FIELD = "step_file"

_BUILT_KEYS = ("language", "requirements_path", "system_dependencies", "dockerfile_path")

_MAX_FILE_NAME_BYTES = 200
"""Of an output that a container writes to a file named after it."""


@dataclass(frozen=True)
class Submission:
    """A pipeline as its author describes it, checked but for the archive.

    function_path, function_name: empty where a Dockerfile is the code. archive: None when the code
    is in a repository. deploy_key: opens that, in clear.
    """

    name: str
    function_path: str
    function_name: str
    description: str | None
    inputs: tuple[PipelineInput, ...]
    outputs: tuple[PipelineOutput, ...]
    container: dict[str, Any]
    deploy_key: str | None
    archive: UploadFile | None

    @property
    def requirements_path(self) -> str | None:
        path: str | None = self.container["requirements_path"]
        return path

    @property
    def dockerfile_path(self) -> str | None:
        path: str | None = self.container["dockerfile_path"]
        return path

    @property
    def needs_build(self) -> bool:
        """Whether it must be fetched, or asks for more than the executors' own Python."""
        return self.archive is None or any(self.container[key] is not None for key in _BUILT_KEYS)


def read_submission(
    fields: list[tuple[str, str | UploadFile]],
    project: ProjectDefaults,
    *,
    allows_dockerfiles: bool = False,
) -> Submission:
    """The pipeline that a form describes.

    project: stands in for what `container_config` leaves out. allows_dockerfiles: whether there is
    a container engine.
    Raises Invalid for what cannot be used, NotSupported for what this installation does not have.
    """
    files = {name: field for name, field in fields if isinstance(field, UploadFile)}
    tree = read_tree((name, field) for name, field in fields if isinstance(field, str))
    if "pipeline_template_name" in tree:
        raise Invalid(
            "A pipeline from a template is created by JSON, not by a form: send pipeline_name and"
            " pipeline_template_name as application/json."
        )
    name = _required(tree, "pipeline_name")
    check_name(name, "The pipeline name")
    description = as_text(tree.get("description"), "description")
    check_text(description, "description")
    archive = files.pop(ARCHIVE_FIELD, None)
    container = read_container(
        as_object(tree.get("container_config"), "container_config"),
        project,
        has_folder=archive is not None,
        allows_dockerfiles=allows_dockerfiles,
    )
    if files:
        raise Invalid(f"The form has a file {next(iter(files))[:200]!r} that nothing asks for.")
    inputs = tuple(_input(item, at) for item, at in _items(tree, "inputs"))
    outputs = tuple(_output(item, at) for item, at in _items(tree, "outputs"))
    check_declarations(inputs, outputs)
    if container.shown["dockerfile_path"] is None:
        function_path = _function_path(_required(tree, "function_path"))
        function_name = _function_name(_required(tree, "function_name"))
    else:
        function_path = function_name = ""
        _check_beside_dockerfile(tree, outputs)
    return Submission(
        name=name,
        function_path=function_path,
        function_name=function_name,
        description=description or None,
        inputs=inputs,
        outputs=outputs,
        container=container.shown,
        deploy_key=container.deploy_key,
        archive=archive,
    )


def _required(tree: dict[str, Node], key: str) -> str:
    text = as_text(tree.get(key), key)
    if not text:
        raise Invalid(f"{key} is missing.")
    return text


def _function_path(path: str) -> str:
    cleaned = path_inside(path, "function_path")
    if not cleaned.endswith(".py"):
        raise Invalid(f"function_path {path[:200]!r} must name a .py file.")
    return cleaned


def _function_name(name: str) -> str:
    if not name.isidentifier():
        raise Invalid(f"function_name {name[:200]!r} is not a Python name.")
    return name


def _check_beside_dockerfile(tree: dict[str, Node], outputs: tuple[PipelineOutput, ...]) -> None:
    for key in ("function_path", "function_name"):
        if tree.get(key):
            raise Invalid(
                f"{key} and container_config[dockerfile_path] exclude each other: the container"
                f" runs what its Dockerfile says. Leave {key} out."
            )
    for output in outputs:
        if "/" in output.name or len(output.name.encode()) > _MAX_FILE_NAME_BYTES:
            raise Invalid(
                f"Output {output.name[:200]!r}: the container writes it to a file of that name, so"
                f" it must have no '/' and at most {_MAX_FILE_NAME_BYTES} bytes."
            )


def _items(tree: dict[str, Node], key: str) -> list[tuple[dict[str, Node], str]]:
    nodes = as_list(tree.get(key), key)
    places = [f"{key}[{index}]" for index in range(len(nodes))]
    return [(as_object(node, at), at) for node, at in zip(nodes, places, strict=True)]


def _input(item: dict[str, Node], at: str) -> PipelineInput:
    data_type = _data_type(item, at)
    default = item.get("default_value", msgspec.UNSET)
    return PipelineInput(
        name=_required_in(item, "name", at),
        data_type=data_type,
        description=_description(item, at),
        is_required=as_boolean(item.get("is_required"), f"{at}[is_required]"),
        default=default
        if default is msgspec.UNSET
        else as_value(default, data_type, f"{at}[default_value]"),
    )


def _output(item: dict[str, Node], at: str) -> PipelineOutput:
    return PipelineOutput(
        name=_required_in(item, "name", at),
        data_type=_data_type(item, at),
        description=_description(item, at),
    )


def _required_in(item: dict[str, Node], key: str, at: str) -> str:
    text = as_text(item.get(key), f"{at}[{key}]")
    if not text:
        raise Invalid(f"{at}[{key}] is missing.")
    return text


def _description(item: dict[str, Node], at: str) -> str | None:
    description = as_text(item.get("description"), f"{at}[description]")
    check_text(description, f"{at}[description]")
    return description or None


def _data_type(item: dict[str, Node], at: str) -> DataType:
    text = _required_in(item, "data_type", at)
    try:
        return DataType(text)
    except ValueError as error:
        raise Invalid(
            f"{at}[data_type] must be one of {', '.join(DataType)}, not {text[:80]!r}."
        ) from error
