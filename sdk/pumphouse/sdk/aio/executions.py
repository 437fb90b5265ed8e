"""Runs of pipelines: start one, wait for it, read what it took and gave."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, cast, overload

from pumphouse.sdk.aio.transport import Connected, Transport
from pumphouse.sdk.aio.waiting import wait_for
from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.declarations import InputSource, OutputDestination, mappings
from pumphouse.sdk.encoding import given, inputs_to_json, log_period, to_json
from pumphouse.sdk.errors import NotFound
from pumphouse.sdk.execution_values import (
    Kind,
    has_given_file,
    is_file,
    is_file_of_the_execution,
    shown_item,
)
from pumphouse.sdk.files import given_inputs
from pumphouse.sdk.results import (
    Execution,
    ExecutionInput,
    ExecutionOutput,
    ExecutionOutputs,
    ExecutionStarted,
    ExecutionSummary,
    LogLine,
)


class Executions(Connected):
    @overload
    async def run_pipeline(
        self,
        pipeline_name: str,
        inputs: Mapping[str, Any] | None = None,
        inputs_mapping: Iterable[InputSource] | None = None,
        outputs_mapping: Iterable[OutputDestination] | None = None,
        wait_for_completion: Literal[True] = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs: ...
    @overload
    async def run_pipeline(
        self,
        pipeline_name: str,
        inputs: Mapping[str, Any] | None = None,
        inputs_mapping: Iterable[InputSource] | None = None,
        outputs_mapping: Iterable[OutputDestination] | None = None,
        *,
        wait_for_completion: Literal[False],
        timeout_s: float | None = None,
    ) -> ExecutionStarted: ...
    async def run_pipeline(
        self,
        pipeline_name: str,
        inputs: Mapping[str, Any] | None = None,
        inputs_mapping: Iterable[InputSource] | None = None,
        outputs_mapping: Iterable[OutputDestination] | None = None,
        wait_for_completion: bool = True,
        *,
        timeout_s: float | None = None,
    ) -> ExecutionOutputs | ExecutionStarted:
        """Execute a pipeline once, without a deployment.

        inputs: values by input name, JSON; for a file its path, bytes, or a stream opened in
        binary mode, which is sent from where it stands. inputs_mapping: constants, environment
        variables, files of the data store or nulls for the others. outputs_mapping: outputs to
        drop or to put into the data store; the others are returned, files as bytes.
        timeout_s: seconds to wait for the end, None for no limit; the execution goes on after it.
        Raises InvalidParameters, NotFound, OSError for a file that cannot be read; when it waits,
        also ExecutionFailed and TimedOut.
        """
        deadline = Deadline(timeout_s)
        files = await self._file_inputs(pipeline_name, inputs)
        with given_inputs(inputs, files) as found:
            form = {"json_inputs": inputs_to_json(found.values)}
            for parameter, mapping in given(mappings(inputs_mapping, outputs_mapping)).items():
                form[parameter] = to_json(mapping, f"A constant in {parameter!r}")
            started = await self._transport.call(
                "POST", "pipelines", pipeline_name, "run", form=form, files=found.parts
            )
        if wait_for_completion:
            return await outputs_of(self._transport, started["execution_id"], deadline)
        return ExecutionStarted(execution_id=started["execution_id"])

    async def retrieve_pipeline_execution_outputs(
        self, execution_id: str, *, timeout_s: float | None = None
    ) -> ExecutionOutputs:
        """Wait for the end of an execution, however it was started.

        Raises ExecutionFailed with the reason, NotFound, TimedOut.
        """
        return await outputs_of(self._transport, execution_id, Deadline(timeout_s))

    async def list_pipeline_executions(self, pipeline_name: str) -> list[ExecutionSummary]:
        """The newest first. Raises NotFound."""
        return cast(
            list[ExecutionSummary],
            await self._transport.call("GET", "pipelines", pipeline_name, "executions"),
        )

    async def get_pipeline_execution(self, execution_id: str) -> Execution:
        """All that is known of an execution, finished or not, and the content of its files.

        Files that the data store has given are not fetched. Raises NotFound.
        """
        found = await self._transport.call("GET", "executions", execution_id)
        for item in found["inputs"]:
            if is_file_of_the_execution(item):
                item["value"] = await _content(self._transport, execution_id, "input", item)
        for item in found["outputs"]:
            if has_given_file(found, item):
                item["value"] = await _content(self._transport, execution_id, "output", item)
        found["inputs"] = [shown_item(item, "input") for item in found["inputs"]]
        found["outputs"] = [shown_item(item, "output") for item in found["outputs"]]
        return cast(Execution, found)

    async def get_pipeline_execution_input(
        self, execution_id: str, input_name: str
    ) -> ExecutionInput:
        """Raises NotFound for an unknown execution or input."""
        return cast(ExecutionInput, await self._item(execution_id, "input", input_name))

    async def get_pipeline_execution_output(
        self, execution_id: str, output_name: str
    ) -> ExecutionOutput:
        """Raises NotFound for an unknown execution or output."""
        return cast(ExecutionOutput, await self._item(execution_id, "output", output_name))

    async def get_pipeline_execution_logs(
        self,
        execution_id: str,
        from_datetime: datetime | None = None,
        to_datetime: datetime | None = None,
        limit: int | None = None,
    ) -> list[LogLine]:
        """What the function wrote to stdout and stderr, in order; the first `limit` lines."""
        body = log_period(from_datetime, to_datetime, limit)
        steps = await self._transport.call("POST", "executions", execution_id, "logs", body=body)
        return cast(list[LogLine], steps[0] if steps else [])

    async def delete_pipeline_execution(self, execution_id: str) -> ExecutionStarted:
        """Raises NotFound."""
        return cast(
            ExecutionStarted, await self._transport.call("DELETE", "executions", execution_id)
        )

    async def _file_inputs(self, pipeline_name: str, inputs: Mapping[str, Any] | None) -> set[str]:
        """The inputs whose text is the path of a file; asked only when there is a text."""
        if not any(isinstance(value, str) for value in (inputs or {}).values()):
            return set()
        pipeline = await self._transport.call("GET", "pipelines", pipeline_name)
        return {item["name"] for item in pipeline["parameters"]["inputs"] if is_file(item)}

    async def _item(self, execution_id: str, kind: Kind, name: str) -> dict[str, Any]:
        asked = {"include_io_values": "false"}
        found = await self._transport.call("GET", "executions", execution_id, query=asked)
        for item in found[f"{kind}s"]:
            if item[f"pipeline_{kind}_name"] == name:
                item["value"] = await _content(self._transport, execution_id, kind, item)
                return shown_item(item, kind)
        raise NotFound(f"Execution {execution_id!r} has no {kind} {name!r}.")


async def outputs_of(
    transport: Transport, execution_id: str, deadline: Deadline
) -> ExecutionOutputs:
    """Wait for the outputs of an execution, by pipeline output name; files as bytes."""
    answer = await wait_for(
        lambda limit_s: transport.poll("executions", execution_id, "outputs", limit_s=limit_s),
        deadline,
        f"Execution {execution_id}",
    )
    for item in answer["outputs"]:
        if is_file_of_the_execution(item):
            item["value"] = await _content(transport, execution_id, "output", item)
    outputs = {item["pipeline_output_name"]: item.get("value") for item in answer["outputs"]}
    return ExecutionOutputs(execution_id=execution_id, outputs=outputs)


async def _content(
    transport: Transport, execution_id: str, kind: Kind, item: Mapping[str, Any]
) -> Any:
    """One value of an execution; bytes of a file, None if it is not there."""
    return await transport.call(
        "GET", "executions", execution_id, f"{kind}s", item[f"pipeline_{kind}_name"]
    )
