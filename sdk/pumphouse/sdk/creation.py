"""What pipelines are created from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pumphouse.sdk.encoding import as_literal, to_form, to_json
from pumphouse.sdk.errors import CreationFailed, InvalidParameters
from pumphouse.sdk.packing import pack
from pumphouse.sdk.results import Pipeline
from pumphouse.sdk.vocabulary import CreationParameterValue

_INTERNAL = ("id", "is_archived")


def effective(config: Mapping[str, Any]) -> dict[str, Any]:
    """A container_config without fall-backs, and with an explicit None for each NULL."""
    return {
        key: None if value is CreationParameterValue.NULL else value
        for key, value in config.items()
        if value is not None and value is not CreationParameterValue.FALLBACK_PROJECT
    }


def creation_form(parameters: dict[str, Any]) -> dict[str, str]:
    """The fields of a request. Raises InvalidParameters for a default that is no JSON."""
    to_json(parameters, f"A default of pipeline {parameters['pipeline_name']!r}")
    for declared in parameters.get("inputs", ()):
        if "default_value" in declared:
            declared["default_value"] = as_literal(declared["default_value"])
    return to_form(parameters)


def archive_of(
    folder: Path, function_path: str | None, config: Mapping[str, Any], project: Mapping[str, Any]
) -> bytes:
    """The archive of a local folder, which is read.

    project: stands in for what the config leaves out. Raises InvalidParameters, TooLarge.
    """
    if not folder.is_dir():
        raise InvalidParameters(f"The local folder {str(folder)!r} does not exist.")
    wanted = {**project, **config}
    included = list(wanted.get("included_folders") or ())
    if dockerfile_path := wanted.get("dockerfile_path"):
        included.append(dockerfile_path)
    if function_path is not None:
        if not (folder / function_path.lstrip("/")).is_file():
            raise InvalidParameters(
                f"There is no function file {function_path!r} in the folder {str(folder)!r}."
            )
        included.append(function_path)
    elif not dockerfile_path:
        raise InvalidParameters("'function_path' is missing: which file holds the function?")
    requirements_path = wanted.get("requirements_path")
    if requirements_path and not dockerfile_path:
        included.append(requirements_path)
    return pack(folder, included)


def refuse_nowhere(config: Mapping[str, Any], project: Mapping[str, Any]) -> None:
    """Raises InvalidParameters if neither says where the function is."""
    if not {**project, **config}.get("repository_url"):
        raise InvalidParameters(
            "Where is the function? Set container_config['local_folder'] to a folder of this "
            "machine, or container_config['repository_url'] to a git repository."
        )


def refuse_beside_template(parameters: Mapping[str, Any]) -> None:
    """Raises InvalidParameters if a parameter is given that the template decides."""
    if beside := [name for name, value in parameters.items() if value is not None]:
        raise InvalidParameters(
            f"{', '.join(map(repr, beside))} cannot be given with 'pipeline_template_name': the "
            "template decides them."
        )


def settled(pipeline: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same if it is ready, None if it may become so. Raises CreationFailed."""
    if pipeline is None or pipeline["creation_info"]["status"] == "creation_pending":
        return None
    if pipeline["creation_info"]["status"] == "creation_failed":
        raise CreationFailed(_reason(pipeline))
    return pipeline


def shown_pipeline(pipeline: Mapping[str, Any], latest: Mapping[str, Any] | None) -> Pipeline:
    """latest: execution of the pipeline, None if there is none."""
    info = {k: v for k, v in pipeline["creation_info"].items() if k not in _INTERNAL}
    info["last_execution_id"] = latest["execution_id"] if latest else None
    return cast(Pipeline, {**pipeline, "creation_info": info})


def _reason(pipeline: Mapping[str, Any]) -> str:
    name = pipeline["parameters"]["pipeline_name"]
    said = pipeline["creation_info"].get("status_message")
    return (
        f"Pipeline {name!r} could not be made ready{f': {said}' if said else '.'}\n"
        f"get_pipeline_logs({name!r}) has the whole log of its creation."
    )
