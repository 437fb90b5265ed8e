"""Python functions on the platform: create, read, delete."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pumphouse.sdk.declarations import Input, Output, to_dicts
from pumphouse.sdk.encoding import as_literal, given, log_period, to_form, to_json
from pumphouse.sdk.errors import CreationFailed, InvalidParameters
from pumphouse.sdk.packing import pack
from pumphouse.sdk.results import LogLine, Pipeline, PipelineDeleted, PipelineSummary
from pumphouse.sdk.sources import FilePath
from pumphouse.sdk.targets import writing
from pumphouse.sdk.transport import Connected, Transport
from pumphouse.sdk.vocabulary import CreationParameterValue
from pumphouse.sdk.waiting import Deadline, wait_for

_INTERNAL = ("id", "is_archived")


class Pipelines(Connected):
    def create_pipeline(
        self,
        pipeline_name: str,
        function_path: str | None = None,
        function_name: str | None = None,
        description: str | None = None,
        container_config: Mapping[str, Any] | None = None,
        inputs: Iterable[Input] | None = None,
        outputs: Iterable[Output] | None = None,
        wait_for_completion: bool = True,
        timeout_s: float | None = None,
    ) -> Pipeline:
        """Send a Python function to the platform.

        function_path: the file, relative to the local folder. function_name: in that file; its
        parameters are the inputs, and it returns a dict of the outputs.
        container_config: `local_folder`, `included_folders` (what the function needs from it,
        `["/"]` for all; together at most 5 MB), `requirements_path` of a file of requirements as
        pip reads them, `language` such as `python:3.11-slim`.
        timeout_s: seconds to wait until the pipeline is ready, None for no limit.
        Raises InvalidParameters, Conflict if the name is taken, CreationFailed, TimedOut.
        """
        deadline = Deadline(timeout_s)
        config = _effective(container_config or {})
        local_folder = config.pop("local_folder", None)
        parameters = given(
            {
                "pipeline_name": pipeline_name,
                "function_path": function_path,
                "function_name": function_name,
                "description": description,
                "container_config": config,
                "inputs": to_dicts(inputs, Input, "inputs"),
                "outputs": to_dicts(outputs, Output, "outputs"),
            }
        )
        form = _form(parameters)
        if local_folder is None:
            raise InvalidParameters(
                "container_config['local_folder'] is missing: which folder holds the function?"
            )
        archive = _archive(self._transport, Path(local_folder), function_path, config)
        files = {"step_file": ("step_file", archive, "application/gzip")}
        self._transport.call("POST", "pipelines", form=form, files=files)
        return _read(self._transport, pipeline_name, deadline if wait_for_completion else None)

    def get_pipeline(
        self,
        pipeline_name: str,
        wait_for_completion: bool = False,
        timeout_s: float | None = None,
    ) -> Pipeline:
        """What is known of a pipeline; waits, if asked, until it is ready.

        Raises NotFound; when it waits, also CreationFailed and TimedOut.
        """
        return _read(
            self._transport, pipeline_name, Deadline(timeout_s) if wait_for_completion else None
        )

    def list_pipelines(self) -> list[PipelineSummary]:
        return cast(list[PipelineSummary], self._transport.call("GET", "pipelines"))

    def get_pipeline_logs(
        self,
        pipeline_name: str,
        from_datetime: datetime | None = None,
        to_datetime: datetime | None = None,
        limit: int | None = None,
    ) -> list[LogLine]:
        """What was written while the environment was built, in order; the first `limit` lines.

        Raises NotFound.
        """
        body = log_period(from_datetime, to_datetime, limit)
        found = self._transport.call("POST", "pipelines", pipeline_name, "logs", body=body)
        return cast(list[LogLine], found)

    def download_pipeline_local_folder(self, pipeline_name: str, folder: FilePath) -> None:
        """Fetch the code of a pipeline, as the archive `<folder>/<pipeline name>.tgz`.

        Raises NotFound, Unreachable, and OSError for a file that cannot be written.
        """
        with writing(Path(folder) / f"{pipeline_name}.tgz") as write:
            link = self._transport.call("GET", "pipelines", pipeline_name, "download")
            self._transport.store.get(link["signed_url"], write, pipeline_name)

    def delete_pipeline(
        self, pipeline_name: str, force_deployments_deletion: bool = False
    ) -> PipelineDeleted:
        """Delete a pipeline and its executions; also its deployments, if forced.

        Raises NotFound, and Conflict while deployments use the pipeline.
        """
        forced = {"force_deployments_deletion": "true" if force_deployments_deletion else "false"}
        return cast(
            PipelineDeleted,
            self._transport.call("DELETE", "pipelines", pipeline_name, query=forced),
        )


def _effective(config: Mapping[str, Any]) -> dict[str, Any]:
    """A container_config without fall-backs, and with an explicit None for each NULL."""
    return {
        key: None if value is CreationParameterValue.NULL else value
        for key, value in config.items()
        if value is not None and value is not CreationParameterValue.FALLBACK_PROJECT
    }


def _form(parameters: dict[str, Any]) -> dict[str, str]:
    to_json(parameters, f"A default of pipeline {parameters['pipeline_name']!r}")
    for declared in parameters.get("inputs", ()):
        if "default_value" in declared:
            declared["default_value"] = as_literal(declared["default_value"])
    return to_form(parameters)


def _archive(
    transport: Transport, folder: Path, function_path: str | None, config: Mapping[str, Any]
) -> bytes:
    if not folder.is_dir():
        raise InvalidParameters(f"The local folder {str(folder)!r} does not exist.")
    if function_path is None:
        raise InvalidParameters("'function_path' is missing: which file holds the function?")
    if not (folder / function_path.lstrip("/")).is_file():
        raise InvalidParameters(
            f"There is no function file {function_path!r} in the folder {str(folder)!r}."
        )
    effective = {**transport.call("GET", "project-information"), **config}
    included = [*(effective.get("included_folders") or []), function_path]
    if requirements_path := effective.get("requirements_path"):
        included.append(requirements_path)
    return pack(folder, included)


def _read(transport: Transport, pipeline_name: str, deadline: Deadline | None) -> Pipeline:
    if deadline is None:
        pipeline = transport.call("GET", "pipelines", pipeline_name)
    else:
        pipeline = wait_for(
            lambda limit_s: _if_settled(transport, pipeline_name, limit_s),
            deadline,
            f"The creation of pipeline {pipeline_name!r}",
        )
    latest = transport.call("GET", "pipelines", pipeline_name, "executions", "latest")
    info = {k: v for k, v in pipeline["creation_info"].items() if k not in _INTERNAL}
    info["last_execution_id"] = latest["execution_id"] if latest else None
    return cast(Pipeline, {**pipeline, "creation_info": info})


def _if_settled(transport: Transport, pipeline_name: str, limit_s: float) -> dict[str, Any] | None:
    pipeline: dict[str, Any] | None = transport.poll("pipelines", pipeline_name, limit_s=limit_s)
    if pipeline is None or pipeline["creation_info"]["status"] == "creation_pending":
        return None
    if pipeline["creation_info"]["status"] == "creation_failed":
        raise CreationFailed(_reason(pipeline_name, pipeline["creation_info"]))
    return pipeline


def _reason(pipeline_name: str, info: Mapping[str, Any]) -> str:
    said = info.get("status_message")
    return (
        f"Pipeline {pipeline_name!r} could not be made ready{f': {said}' if said else '.'}\n"
        f"get_pipeline_logs({pipeline_name!r}) has the whole log of its creation."
    )
