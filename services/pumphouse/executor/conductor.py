"""One plan from its inputs to its outputs."""

import logging
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from pumphouse.contracts.executions import PlanResolved
from pumphouse.executor.endings import Ending, failed, platform_error, with_checked_outputs
from pumphouse.executor.faults import PlatformFault, UnusableInput, UnusableOutput
from pumphouse.executor.input_files import Inputs
from pumphouse.executor.keeping import Outputs
from pumphouse.executor.record import Record
from pumphouse.executor.work import Variables, Work, work_of
from pumphouse.executor.workspace import Workspace

log = logging.getLogger(__name__)


class Place(Protocol):
    """Where work is done: a blank process each time, or a pod."""

    async def run(self, work: Work, record: Record) -> Ending: ...


class Places(Protocol):
    def of(self, plan: PlanResolved) -> AbstractContextManager[Place]:
        """Where the plan is run; entered before its inputs are fetched."""


class Conductor:
    """Fetches what the inputs refer to, has the function called, and keeps what it returned."""

    def __init__(
        self,
        workspace: Workspace,
        inputs: Inputs,
        outputs: Outputs,
        variables: Variables,
        places: Places,
        *,
        timeout_s: float,
    ) -> None:
        """timeout_s: of an execution whose deployment has no time limit."""
        self._workspace = workspace
        self._inputs = inputs
        self._outputs = outputs
        self._variables = variables
        self._places = places
        self._timeout_s = timeout_s

    async def conduct(self, plan: PlanResolved, record: Record) -> Ending:
        """How it ended, with what it produced. Raises Unavailable while nothing has run."""
        with self._workspace.folder("files") as folder, self._places.of(plan) as place:
            try:
                fetched = await self._inputs.fetch(plan.inputs, folder / "in")
                work = work_of(plan, fetched, self._variables, folder / "out")
                if work.timeout_s is None:
                    work = replace(work, timeout_s=self._timeout_s)
                ending = await place.run(work, record)
                ending = await with_checked_outputs(ending, plan.outputs)
                return replace(ending, produced=await self._outputs.keep(plan, ending))
            except (UnusableInput, UnusableOutput) as error:
                return failed(error.message)
            except PlatformFault as fault:
                fault.report(log)
                return platform_error(fault)
