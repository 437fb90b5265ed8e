"""Parallel deployments, whose functions are coroutines or threads and say when they have begun."""

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pumphouse.contracts.catalog import Code, Deployment
from pumphouse.contracts.executions import ExecutionFinished, PlanResolved
from pumphouse.contracts.pods import PodReported
from pumphouse.contracts.vocabulary import Mode
from tests.integration.executor.platform import Platform
from tests.shared_folder import folder_in

WORDS = {
    "coroutines": {"DEF": "async def", "PAUSE": "await asyncio.sleep", "WAIT": "await wait"},
    "threads": {"DEF": "def", "PAUSE": "time.sleep", "WAIT": "wait"},
}

HEAD = """
import asyncio, os, sys, threading, time, uuid
life = uuid.uuid4().hex
os.umask(0)

DEF wait(gate, i):
    open(os.path.join(gate, f"begun-{i}"), "w").close()
    while not os.path.exists(os.path.join(gate, f"open-{i}")):
        PAUSE(0.002)
"""
"""For the sources of tests: DEF, PAUSE(s) and WAIT(gate, i) are of either kind.

life: another in each process. umask: the next process may be another user's.
"""

both_kinds = pytest.mark.parametrize("kind", list(WORDS))


def source_of(kind: str, source: str) -> str:
    text = textwrap.dedent(HEAD) + textwrap.dedent(source)
    for word, meaning in WORDS[kind].items():
        text = text.replace(word, meaning)
    return text


@dataclass
class Gate:
    """A folder where functions tell that they have begun, and wait until they may go on."""

    folder: Path

    def begun(self) -> set[str]:
        return {path.name.partition("-")[2] for path in self.folder.glob("begun-*")}

    def open(self, *names: object) -> None:
        for name in names:
            (self.folder / f"open-{name}").touch()


@dataclass
class Served:
    """A deployment that runs `at_once` executions in parallel; None for one by one."""

    platform: Platform
    code: Code
    deployment: Deployment
    gate: Gate
    plans: list[PlanResolved] = field(default_factory=list)

    async def send(self, outputs: Any = (), *, timeout_s: int | None = None, **inputs: Any) -> int:
        """Start one execution; its number among those of this deployment."""
        return await self.send_plan(inputs, outputs, timeout_s)

    async def send_plan(self, inputs: Any, outputs: Any, timeout_s: int | None = None) -> int:
        """As `send`, with inputs and outputs as a plan has them."""
        plan = self.platform.plan(
            self.code,
            inputs,
            outputs,
            mode=Mode.LOW_LATENCY,
            deployment_id=self.deployment.id,
            timeout_s=timeout_s,
        )
        self.plans.append(plan)
        await self.platform.send(plan)
        return len(self.plans) - 1

    async def wait(self, *names: object) -> int:
        """Start one for each name, which waits at the gate; the number of the last."""
        return [
            await self.send({"v": "json"}, gate=str(self.gate.folder), i=name) for name in names
        ][-1]

    async def run(self, outputs: Any = (), **inputs: Any) -> ExecutionFinished:
        return await self.end(await self.send(outputs, **inputs))

    async def end(self, number: int) -> ExecutionFinished:
        return await self.platform.end(self.plans[number])

    async def value(self, **inputs: Any) -> Any:
        finished = await self.run({"v": "json"}, **inputs)
        assert finished.error is None, finished.error
        return finished.outputs[0].value

    def log(self, number: int) -> list[str]:
        return self.platform.log(self.plans[number])

    def pod_log(self) -> list[str]:
        return self.platform.pod_log(self.deployment)

    def statuses(self) -> list[str]:
        """What was reported of the pod, in order."""
        return [report.status.value for report in self.reports()]

    def pod_statuses(self) -> list[str]:
        """How each of the pods stands, as it was reported last."""
        return [pod.status.value for pod in self.reports()[-1].pods] if self.reports() else []

    def reports(self) -> list[PodReported]:
        return [r for r in self.platform.pod_reports if r.deployment_id == self.deployment.id]


async def serve(
    platform: Platform, kind: str, source: str, *, at_once: int | None = 6, replicas: int = 1
) -> Served:
    """A deployment of a source, once its pods are up."""
    code = await platform.code(source_of(kind, source))
    deployment = await platform.deploy(code, at_once=at_once, replicas=replicas)
    served = Served(platform, code, deployment, Gate(folder_in(platform.shared)))
    await platform.until(lambda: served.pod_statuses() == ["up"] * replicas)
    return served
