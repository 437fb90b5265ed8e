"""An executor over the in-process bus, with a registry of a few lines on the other side."""

import asyncio
import io
import itertools
import os
import tarfile
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any

import psutil
import uuid_utils

from pumphouse.bus import Bus, open_bus
from pumphouse.bus.topology import (
    REGISTRY_EVENTS,
    REGISTRY_POD_LOGS,
    REGISTRY_PODS,
    REGISTRY_REQUESTS,
    elastic_partition,
    pod_partition,
    pod_queue,
)
from pumphouse.contracts.catalog import (
    CatalogChange,
    CatalogChanged,
    CatalogListed,
    CatalogRequested,
    Code,
    Deployment,
    Pipeline,
    Variable,
)
from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionLogged,
    ExecutionStarted,
    PlannedInput,
    PlannedOutput,
    PlanResolved,
    TriggerAccepted,
)
from pumphouse.contracts.mappings import EndpointOutput, EndpointValue, Mapping
from pumphouse.contracts.message import Message
from pumphouse.contracts.pods import PodLogged, PodReported
from pumphouse.contracts.records import (
    ExecutionDescribed,
    ExecutionQueried,
    ExecutionSummary,
)
from pumphouse.contracts.vocabulary import DataType, DeploymentStatus, Mode, Origin, Rule, Status
from pumphouse.errors import NotFound
from pumphouse.executor.app import running
from pumphouse.executor.commands import SUPERVISOR
from pumphouse.executor.settings import Settings
from pumphouse.executor.zygote import START
from pumphouse.sealing import Sealer
from pumphouse.storage import Storage, open_storage
from pumphouse.storage.keys import archive_key
from tests.shared_folder import shared_folder

SECRET = "a secret of thirty-two characters"
SEALER = Sealer(SECRET)
PIPELINE = "p"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

_numbers = itertools.count(1)


def archive(files: dict[str, str] | dict[str, str | bytes]) -> bytes:
    """A gzip tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            content = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that only nobody has reaped yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Platform:
    """What a test sees of the platform around one executor.

    shared: a folder that the test and all user code may read and write.
    """

    def __init__(
        self, bus: Bus, folder: Path, store_url: str, storage: Storage, shared: Path
    ) -> None:
        self.bus = bus
        self.work_dir = folder / "work"
        self.storage = storage
        self.shared = shared
        folder.chmod(0o755)
        self.settings = Settings(
            secret_key=SECRET,
            s3_url=store_url,
            work_dir=str(self.work_dir),
            shared_paths=(shared,),
            readable_paths=(folder / "shelf",),
        )
        self.changes: list[CatalogChange] = []
        self.events: list[Message] = []
        self.pod_reports: list[PodReported] = []
        self.pod_logs: list[PodLogged] = []
        self.recorded: dict[str, ExecutionSummary] = {}
        self._servers = set(psutil.Process().children())

    # -- the registry

    async def serve(self) -> None:
        async def keep(message: Message, _: object) -> None:
            self.events.append(message)

        async def keep_report(message: PodReported, _: object) -> None:
            self.pod_reports.append(message)

        async def keep_log(message: PodLogged, _: object) -> None:
            self.pod_logs.append(message)

        kinds = (TriggerAccepted, ExecutionStarted, ExecutionLogged, ExecutionFinished)
        await self.bus.consume(REGISTRY_EVENTS, dict.fromkeys(kinds, keep))
        await self.bus.consume(REGISTRY_PODS, {PodReported: keep_report})
        await self.bus.consume(REGISTRY_POD_LOGS, {PodLogged: keep_log})
        await self.bus.serve(
            REGISTRY_REQUESTS,
            {CatalogRequested: self._list_catalog, ExecutionQueried: self._describe},
        )

    async def _list_catalog(self, request: CatalogRequested) -> CatalogListed:
        newer = tuple(change for change in self.changes if change.revision > request.after)
        return CatalogListed(revision=len(self.changes), changes=newer)

    async def _describe(self, request: ExecutionQueried) -> ExecutionDescribed:
        if (found := self.recorded.get(request.execution_id)) is None:
            raise NotFound("There is no such execution.")
        return ExecutionDescribed(execution=found)

    async def change(self, **definition: Any) -> None:
        """Store one change of the catalog and announce it."""
        change = CatalogChange(revision=len(self.changes) + 1, **definition)
        self.changes.append(change)
        await self.bus.publish(CatalogChanged(changes=(change,)))

    async def set_variable(self, name: str, text: str) -> None:
        await self.change(variable=Variable(name=name, sealed=SEALER.seal(text)))

    def record(self, plan: PlanResolved, status: Status, attempt: int = 1) -> None:
        """Let the registry know the execution of a plan."""
        self.recorded[plan.execution_id] = ExecutionSummary(
            id=plan.execution_id,
            status=status,
            origin=Origin.RUN,
            pipeline_id=plan.pipeline_id,
            created_at=NOW,
            created_by="u",
            attempt=attempt,
        )

    # -- definitions

    async def code(
        self, source: str | dict[str, str] | dict[str, str | bytes], function: str = "main"
    ) -> Code:
        """Code whose file is `main.py`."""
        files = {"main.py": source} if isinstance(source, str) else source
        key = archive_key(f"{uuid_utils.uuid7()}")
        await self.storage.platform.put(key, archive(files))
        return Code(archive=key, function_path="main.py", function_name=function)

    async def deploy(
        self,
        code: Code,
        *,
        is_enabled: bool = True,
        at_once: int | None = None,
        replicas: int = 1,
    ) -> Deployment:
        """A low latency deployment of a new pipeline, with so many executions in parallel in each
        of its pods.
        """
        name = f"p{next(_numbers)}"
        pipeline = Pipeline(id=f"{name}-id", name=name, code=code, created_at=NOW, created_by="u")
        await self.change(pipeline=pipeline)
        deployment = Deployment(
            id=f"{name}-deployment-id",
            name=name,
            pipeline_id=pipeline.id,
            rule=Rule.ENDPOINT,
            mode=Mode.LOW_LATENCY,
            mapping=Mapping(),
            is_enabled=is_enabled,
            enable_parallel_executions=at_once is not None,
            max_parallel_executions_per_pod=at_once,
            replicas=replicas,
            status=DeploymentStatus.PENDING,
            created_at=NOW,
            created_by="u",
            updated_at=NOW,
            updated_by="u",
        )
        await self.bus.declare(pod_queue(deployment.id))
        await self.change(deployment=deployment)
        return deployment

    def plan(
        self,
        code: Code,
        inputs: dict[str, Any] | tuple[PlannedInput, ...] = (),
        outputs: dict[str, str] | tuple[PlannedOutput, ...] = (),
        **fields: Any,
    ) -> PlanResolved:
        """A plan; inputs of the caller and outputs to the caller as name: value and name: type."""
        if isinstance(inputs, dict):
            inputs = tuple(
                PlannedInput(
                    name=n, data_type=DataType.JSON, source=EndpointValue(name=n), value=value
                )
                for n, value in inputs.items()
            )
        if isinstance(outputs, dict):
            outputs = tuple(
                PlannedOutput(name=n, data_type=DataType(kind), destination=EndpointOutput(name=n))
                for n, kind in outputs.items()
            )
        planned = {
            "execution_id": str(uuid_utils.uuid7()),
            "pipeline_id": PIPELINE,
            "mode": Mode.ELASTIC,
            "catalog_revision": len(self.changes),
            **fields,
        }
        return PlanResolved(
            code=code,
            inputs=inputs,
            outputs=outputs,
            **planned,
        )

    # -- running

    async def send(self, plan: PlanResolved, **envelope: Any) -> None:
        if plan.mode is Mode.LOW_LATENCY:
            assert plan.deployment_id is not None
            partition = pod_partition(plan.deployment_id)
        else:
            partition = elastic_partition(plan.pipeline_id)
        await self.bus.publish(plan, partition=partition, **envelope)

    async def end(self, plan: PlanResolved, within_s: float = 60) -> ExecutionFinished:
        """How the execution of a plan that was sent has ended."""
        await self.until(lambda: bool(self.ends(plan)), within_s)
        return self.ends(plan)[0]

    def ends(self, plan: PlanResolved) -> list[ExecutionFinished]:
        return [
            event
            for event in self.events
            if isinstance(event, ExecutionFinished) and event.execution_id == plan.execution_id
        ]

    def log(self, plan: PlanResolved) -> list[str]:
        """The lines of the execution as the registry would keep them."""
        lines: dict[int, str] = {}
        for event in self.events:
            if (
                isinstance(event, ExecutionLogged | ExecutionFinished)
                and event.execution_id == plan.execution_id
            ):
                lines |= {event.position + i: line.text for i, line in enumerate(event.lines)}
        assert sorted(lines) == list(range(len(lines)))
        return [lines[position] for position in sorted(lines)]

    def pod_log(self, deployment: Deployment) -> list[str]:
        """The lines of all pods of the deployment as the registry would keep them."""
        lines: dict[tuple[str, int], str] = {}
        for event in self.pod_logs:
            if event.deployment_id == deployment.id:
                key = event.pod_id
                lines |= {(key, event.position + i): x.text for i, x in enumerate(event.lines)}
        return [lines[place] for place in sorted(lines)]

    async def run(
        self, source: str | dict[str, str], *args: Any, **fields: Any
    ) -> ExecutionFinished:
        """Run `main` of a source in a blank process, to its end."""
        plan = self.plan(await self.code(source), *args, **fields)
        await self.send(plan)
        return await self.end(plan)

    async def until(self, condition: Callable[[], bool], within_s: float = 30) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass"
            await asyncio.sleep(0.005)

    # -- what is left

    def folders(self, purpose: str) -> list[Path]:
        """Folders that exist, of runs and pods those that have been given code."""
        if purpose in ("run", "pod"):
            # Not by Path.glob, which fails where a folder goes away while it looks.
            found = glob(f"runs/*/*/ground/{purpose}-*/code", root_dir=self.work_dir)
            return [(self.work_dir / code).parent for code in found]
        return list(self.work_dir.glob(f"runs/*/{purpose}-*"))

    def is_at_rest(self, spares: int | None = None) -> bool:
        """Whether nothing is left but zygotes and what waits for work."""
        parts = [argv_of(process) for process in self.processes()]
        if any(not argv or not _is_ours(argv) for argv in parts):
            return False
        wanted = self.settings.elastic_spares if spares is None else spares
        return len(self.forks()) == wanted and not self.folders("run") + self.folders("pod")

    def forks(self) -> list[psutil.Process]:
        """Children of zygotes."""
        runners = {process.pid: process for process in self.processes() if _is_runner(process)}
        return [process for process in runners.values() if _parent(process) in runners]

    def pods(self) -> list[psutil.Process]:
        """The processes that pods run in."""
        return [worker for folder in self.folders("pod") for worker in self.workers(folder)]

    def workers(self, folder: Path) -> list[psutil.Process]:
        """Forks whose working folder is the code in the folder of a run or pod."""
        code = os.stat(folder / "code")
        return [fork for fork in self.forks() if _works_in(fork, code)]

    def processes(self) -> list[psutil.Process]:
        """Every process below this one, but for those of servers that other tests share."""
        ours = set(psutil.Process().children()) - self._servers
        return [p for child in ours for p in (child, *_below(child))]

    @asynccontextmanager
    async def executor(self) -> AsyncIterator[None]:
        async with running(self.settings, self.bus):
            yield


@asynccontextmanager
async def platform_in(
    folder: Path, store_url: str, amqp_url: str | None = None
) -> AsyncIterator[Platform]:
    """A platform without its executor, over the in-process bus or over RabbitMQ."""
    async with open_bus(amqp_url, "executor-tests") as bus, open_storage(store_url) as storage:
        with shared_folder() as shared:
            platform = Platform(bus, folder, store_url, storage, shared)
            await platform.serve()
            yield platform


def open_descriptors() -> int:
    """How many this process has, but for those of control groups, which wait for executions."""
    targets = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    return sum(not _is_of_control_groups(target) for target in targets)


def _is_of_control_groups(descriptor: Path) -> bool:
    with suppress(FileNotFoundError):  # that of the listing itself
        return os.readlink(descriptor).startswith("/sys/fs/cgroup/")
    return False


def argv_of(process: psutil.Process) -> list[str]:
    """Empty for one that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


def _is_ours(argv: list[str]) -> bool:
    return str(START) in argv


def _is_runner(process: psutil.Process) -> bool:
    argv = argv_of(process)
    return _is_ours(argv) and "python" in argv[0] and str(SUPERVISOR) not in argv


def _works_in(process: psutil.Process, folder: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"/proc/{process.pid}/cwd"), folder)
    except OSError:
        return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
