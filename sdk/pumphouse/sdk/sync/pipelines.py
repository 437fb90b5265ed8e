# Generated from pumphouse/sdk/aio/pipelines.py by `make sdk`: change that file instead.
"""Python functions on the platform: create, read, delete."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast, overload

from pumphouse.sdk.creation import (
    archive_of,
    creation_form,
    effective,
    refuse_beside_template,
    refuse_nowhere,
    settled,
    shown_pipeline,
)
from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.declarations import Input, Output, to_dicts
from pumphouse.sdk.encoding import given, log_period, to_json
from pumphouse.sdk.forms import Files
from pumphouse.sdk.results import LogLine, Pipeline, PipelineDeleted, PipelineSummary
from pumphouse.sdk.sources import FilePath
from pumphouse.sdk.sync.concurrency import entered, off_the_loop
from pumphouse.sdk.sync.transport import Connected
from pumphouse.sdk.sync.waiting import wait_for
from pumphouse.sdk.targets import writing


class Pipelines(Connected):
    @overload
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
    ) -> Pipeline: ...
    @overload
    def create_pipeline(
        self,
        pipeline_name: str,
        *,
        pipeline_template_name: str,
        wait_for_completion: bool = True,
        timeout_s: float | None = None,
    ) -> Pipeline: ...
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
        *,
        pipeline_template_name: str | None = None,
    ) -> Pipeline:
        """Create a pipeline from a local folder, a git repository or a template.

        function_path: the file, relative to the folder. function_name: in that file; its
        parameters are the inputs, and it returns a dict of the outputs.
        container_config: `local_folder`, or `repository_url`, `repository_branch` and
        `repository_deploy_key` of a git repository; `included_folders` (what the function needs
        from it, `["/"]` for all; together at most 5 MB), `requirements_path` of a file of
        requirements as pip reads them, `language` such as `python:3.11-slim`. Or, in place of the
        function and of the last two, `dockerfile_path` of a Dockerfile: see the guide.
        pipeline_template_name: decides all that, so no more goes with it.
        timeout_s: seconds to wait until the pipeline is ready, None for no limit.
        Raises InvalidParameters, Conflict if the name is taken, NotFound for an unknown template,
        CreationFailed, TimedOut.
        """
        deadline = Deadline(timeout_s)
        parameters = {
            "function_path": function_path,
            "function_name": function_name,
            "description": description,
            "container_config": container_config,
            "inputs": to_dicts(inputs, Input, "inputs"),
            "outputs": to_dicts(outputs, Output, "outputs"),
        }
        if pipeline_template_name is None:
            self._create_from_code({"pipeline_name": pipeline_name, **parameters})
        else:
            refuse_beside_template(parameters)
            names = {
                "pipeline_name": pipeline_name,
                "pipeline_template_name": pipeline_template_name,
            }
            body = to_json(names, "'pipeline_name'")
            self._transport.call("POST", "pipelines", body=body)
        return self._pipeline(pipeline_name, deadline if wait_for_completion else None)

    def get_pipeline(
        self,
        pipeline_name: str,
        wait_for_completion: bool = False,
        timeout_s: float | None = None,
    ) -> Pipeline:
        """What is known of a pipeline; waits, if asked, until it is ready.

        Raises NotFound; when it waits, also CreationFailed and TimedOut.
        """
        return self._pipeline(pipeline_name, Deadline(timeout_s) if wait_for_completion else None)

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
        with entered(writing(Path(folder) / f"{pipeline_name}.tgz")) as write:
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

    def _create_from_code(self, parameters: dict[str, Any]) -> None:
        config = effective(parameters["container_config"] or {})
        folder = config.pop("local_folder", None)
        form = creation_form(given({**parameters, "container_config": config}))
        files: Files = {}
        if folder is not None or not config.get("repository_url"):
            project = self._transport.call("GET", "project-information")
            if folder is None:
                refuse_nowhere(config, project)
            else:
                function_path = parameters["function_path"]
                archive = off_the_loop(archive_of, Path(folder), function_path, config, project)
                files = {"step_file": ("step_file", archive, "application/gzip")}
        self._transport.call("POST", "pipelines", form=form, files=files)

    def _pipeline(self, pipeline_name: str, deadline: Deadline | None) -> Pipeline:
        if deadline is None:
            pipeline = self._transport.call("GET", "pipelines", pipeline_name)
        else:
            pipeline = wait_for(
                lambda limit_s: self._settled_pipeline(pipeline_name, limit_s),
                deadline,
                f"The creation of pipeline {pipeline_name!r}",
            )
        latest = self._transport.call("GET", "pipelines", pipeline_name, "executions", "latest")
        return shown_pipeline(pipeline, latest)

    def _settled_pipeline(self, pipeline_name: str, limit_s: float) -> dict[str, Any] | None:
        return settled(self._transport.poll("pipelines", pipeline_name, limit_s=limit_s))
