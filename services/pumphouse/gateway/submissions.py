"""From the form that creates a pipeline to the pipeline."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.datastructures import UploadFile

from pumphouse.contracts.catalog import PipelineInput, PipelineOutput
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid, NotFound, NotSupported
from pumphouse.gateway.archives import path_inside
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
from pumphouse.mapping import check_declarations

ARCHIVE_FIELD = "step_file"

_LANGUAGE = re.compile(r"python:3\.[0-9]{1,2}-slim")
_CUDA = re.compile(r"python-cuda:3\.[0-9]{1,2}-[0-9]{1,2}\.[0-9]{1,2}")
_SYSTEM_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:=~_-]{0,199}")
_BUILT_KEYS = ("language", "requirements_path", "system_dependencies")
_GIT_KEYS = ("repository_url", "repository_branch", "repository_deploy_key")
_CONTAINER_KEYS = frozenset(
    {
        *_GIT_KEYS,
        "language",
        "requirements_path",
        "included_folders",
        "system_dependencies",
        "dockerfile_path",
    }
)


@dataclass(frozen=True)
class Submission:
    """A pipeline as its author describes it, checked but for the archive."""

    name: str
    function_path: str
    function_name: str
    description: str | None
    inputs: tuple[PipelineInput, ...]
    outputs: tuple[PipelineOutput, ...]
    container: dict[str, Any]
    archive: UploadFile

    @property
    def requirements_path(self) -> str | None:
        path: str | None = self.container["requirements_path"]
        return path

    @property
    def needs_environment(self) -> bool:
        """Whether it asks for more than the executors' own Python."""
        return any(self.container[key] is not None for key in _BUILT_KEYS)


def read_submission(fields: list[tuple[str, str | UploadFile]]) -> Submission:
    """The pipeline that a form describes.

    Raises Invalid for what cannot be used, NotSupported for what this installation does not have.
    """
    files = {name: field for name, field in fields if isinstance(field, UploadFile)}
    tree = read_tree((name, field) for name, field in fields if isinstance(field, str))
    if "pipeline_template_name" in tree:
        raise no_template(as_text(tree["pipeline_template_name"], "pipeline_template_name") or "")
    name = _required(tree, "pipeline_name")
    check_name(name, "The pipeline name")
    description = as_text(tree.get("description"), "description")
    check_text(description, "description")
    container = _container(as_object(tree.get("container_config"), "container_config"))
    archive = files.pop(ARCHIVE_FIELD, None)
    if archive is None:
        raise Invalid(f"Send the folder of the pipeline as the file {ARCHIVE_FIELD!r}.")
    if files:
        raise Invalid(f"The form has a file {next(iter(files))[:200]!r} that nothing asks for.")
    inputs = tuple(_input(item, at) for item, at in _items(tree, "inputs"))
    outputs = tuple(_output(item, at) for item, at in _items(tree, "outputs"))
    check_declarations(inputs, outputs)
    return Submission(
        name=name,
        function_path=_function_path(_required(tree, "function_path")),
        function_name=_function_name(_required(tree, "function_name")),
        description=description or None,
        inputs=inputs,
        outputs=outputs,
        container=container,
        archive=archive,
    )


def no_template(name: str) -> NotFound:
    """The refusal of any template."""
    return NotFound(f"There is no pipeline template {name[:200]!r}: this installation has none.")


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


def _container(given: dict[str, Node]) -> dict[str, Any]:
    """The configuration as it takes effect; an empty text is an explicit null."""
    unknown = sorted(given.keys() - _CONTAINER_KEYS)
    if unknown:
        raise Invalid(f"container_config has no key {unknown[0][:200]!r}.")
    for key in _GIT_KEYS:
        if given.get(key):
            raise NotSupported(
                f"container_config[{key}]: pipelines from a git repository are not available in"
                " this installation: set local_folder instead."
            )
    _refuse(given, "dockerfile_path", "leave it out and set function_path and function_name")
    return {
        "language": _language(as_text(given.get("language"), "container_config[language]")),
        "included_folders": _texts(given, "included_folders") or None,
        "requirements_path": _requirements_path(given.get("requirements_path")),
        "system_dependencies": _system_dependencies(given) or None,
        "dockerfile_path": None,
    }


def _texts(given: dict[str, Node], key: str) -> list[str]:
    what = f"container_config[{key}]"
    return [as_text(item, f"{what}[…]") or "" for item in as_list(given.get(key), what)]


def _requirements_path(node: Node | None) -> str | None:
    path = as_text(node, "container_config[requirements_path]")
    return path_inside(path, "container_config[requirements_path]") if path else None


def _system_dependencies(given: dict[str, Node]) -> list[str]:
    packages = _texts(given, "system_dependencies")
    for package in packages:
        if not _SYSTEM_PACKAGE.fullmatch(package):
            raise Invalid(
                f"container_config[system_dependencies]: {package[:80]!r} is not the name of a"
                " system package."
            )
    return packages


def _refuse(given: dict[str, Node], key: str, remedy: str) -> None:
    if given.get(key):
        raise NotSupported(
            f"container_config[{key}] is not available in this installation yet: {remedy}."
        )


def _language(text: str | None) -> str | None:
    if not text:
        return None
    if not _LANGUAGE.fullmatch(text) and not _CUDA.fullmatch(text):
        raise Invalid(
            f"container_config[language] {text[:80]!r} is neither 'python:3.X-slim' nor"
            " 'python-cuda:3.X-Y.Z'."
        )
    return text
