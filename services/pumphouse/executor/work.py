"""From a plan to what a process is given: code, variables, and one call with its arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pumphouse.contracts.catalog import Code, Variable
from pumphouse.contracts.executions import PlannedInput, PlanResolved
from pumphouse.contracts.mappings import Dropped, EndpointValue, EnvironmentVariable, RunValue
from pumphouse.contracts.vocabulary import DataType
from pumphouse.errors import Invalid
from pumphouse.executor.access import Access
from pumphouse.executor.faults import PlatformFault, UnusableInput
from pumphouse.executor.frames import Job
from pumphouse.mapping import parse_text
from pumphouse.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Work:
    """One call, where its code is, its environment variables, and its time limit in seconds.

    memory_bytes: what it may have; None for the usual. input_files: inputs that are files, which
    the job has None for; files: those that were given. outbox: a folder to be made for copies of
    the files that it returns.
    """

    code: Code
    job: Job
    variables: dict[str, str]
    timeout_s: float | None
    outbox: Path
    memory_bytes: int | None = None
    input_files: frozenset[str] = frozenset()
    files: Mapping[str, Path] = field(default_factory=dict)


class HasVariables(Protocol):
    variables: dict[str, Variable]


class Variables:
    """The installation's environment variables in clear, each opened once.

    Beside them, each process has those by which it reaches the platform.
    """

    def __init__(self, catalog: HasVariables, sealer: Sealer, access: Access) -> None:
        self._catalog = catalog
        self._sealer = sealer
        self._access = access
        self._opened: dict[str, tuple[str, str]] = {}

    def of_plan(self, plan: PlanResolved) -> dict[str, str]:
        """What the process has that runs the plan. Raises PlatformFault."""
        return {**self.current(), **self._access.of_plan(plan)}

    def of_pod(self, deployment_id: str) -> dict[str, str]:
        """What the pod of a deployment has from its start. Raises PlatformFault."""
        return {**self.current(), **self._access.of_pod(deployment_id)}

    def current(self) -> dict[str, str]:
        """All that users have set, as of the catalog's revision. Raises PlatformFault."""
        opened = {}
        for name, variable in self._catalog.variables.items():
            kept = self._opened.get(name)
            if kept is None or kept[0] != variable.sealed:
                kept = (variable.sealed, self.open(variable.sealed))
            opened[name] = kept
        self._opened = opened
        return {name: text for name, (_, text) in opened.items()}

    def open(self, sealed: str) -> str:
        try:
            return self._sealer.open(sealed)
        except Invalid as error:
            raise PlatformFault(error.message) from error


def work_of(
    plan: PlanResolved, fetched: Mapping[str, Any], variables: Variables, outbox: Path
) -> Work:
    """fetched: the inputs that are not in the plan; a path for each that is a file.

    Raises UnusableInput that names the input, and PlatformFault.
    """
    inbox = {name: value for name, value in fetched.items() if isinstance(value, Path)}
    files = [output for output in plan.outputs if output.data_type is DataType.FILE]
    job = Job(
        execution_id=plan.execution_id,
        inputs={
            planned.name: fetched[planned.name]
            if planned.name in fetched.keys() - inbox.keys()
            else _value(planned, variables)
            for planned in plan.inputs
        },
        absent=[planned.name for planned in plan.inputs if _may_be_absent(planned)],
        outputs=[output.name for output in plan.outputs],
        files=[file.name for file in files if not isinstance(file.destination, Dropped)],
        unused=[file.name for file in files if isinstance(file.destination, Dropped)],
    )
    return Work(
        *(plan.code, job, variables.of_plan(plan), plan.timeout_s, outbox),
        memory_bytes=plan.memory_bytes,
        input_files=frozenset(n.name for n in plan.inputs if n.data_type is DataType.FILE),
        files=inbox,
    )


def _may_be_absent(planned: PlannedInput) -> bool:
    """A caller's None and no value at all are the same: the function's own default stands."""
    is_given = planned.value is not None or planned.reference is not None
    return not is_given and isinstance(planned.source, EndpointValue | RunValue)


def _value(planned: PlannedInput, variables: Variables) -> Any:
    if planned.sealed is None:
        return planned.value
    text = variables.open(planned.sealed)
    try:
        return parse_text(planned.data_type, text)
    except Invalid as error:
        variable = (
            f"The environment variable {planned.source.name!r}"
            if isinstance(planned.source, EnvironmentVariable)
            else "The secret value"
        )
        raise UnusableInput(
            f"{variable} cannot be read as {planned.data_type.value} for the input"
            f" {planned.name!r}: {error.message}."
        ) from error
