"""What an execution costs in the executor alone, beside a new interpreter for each.

    python -m tests.benchmarks.executions [executions]

Without bus, store and registry: a job sent to a blank process, until its result has come. Ratios
are of runs that took turns.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
import uvloop
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code, Environment
from pumphouse.executor import uv
from pumphouse.executor.elastic import Elastic
from pumphouse.executor.enclosures import open_enclosures
from pumphouse.executor.environments import Environments, Held
from pumphouse.executor.frames import Job, Returned
from pumphouse.executor.interpreters import blank_interpreter
from pumphouse.executor.logs import Log, Tail
from pumphouse.executor.processes import Processes
from pumphouse.executor.record import Record
from pumphouse.executor.sandbox import Wish
from pumphouse.executor.settings import Settings
from pumphouse.executor.tool import Account, Tool
from pumphouse.executor.work import Work
from pumphouse.executor.workplace import Workplace, Workplaces, start_of
from pumphouse.executor.workshop import Workshop
from pumphouse.executor.workspace import open_workspace

LANES = 4
MANY = 10_000
PACKAGES = "numpy\npandas\nscikit-learn\n"

TRIVIAL = "def main(a):\n    return {'v': a}\n"

FITTING = """
import numpy
import pandas
from sklearn.linear_model import LinearRegression

def main(a):
    table = pandas.DataFrame({"x": numpy.arange(100.0)})
    model = LinearRegression().fit(table[["x"]], table["x"] * a)
    return {"v": float(model.coef_[0])}
"""

JOB = Job(execution_id="e", inputs={"a": 2}, absent=[], outputs=["v"])

FRESH = "import sys, main; sys.stdout.write(str(main.main(2)))"


@dataclass(frozen=True)
class Folders:
    """Code that is here already, in place of the archives of a store."""

    root: Path

    async def extracted(self, key: str) -> Path:
        return self.root / key


@dataclass(frozen=True)
class Stage:
    """An executor's processes, and an environment with pandas and scikit-learn."""

    processes: Processes
    workplaces: Workplaces
    folders: Folders
    held: Held
    blank: Path
    built_s: float
    reused_ms: float
    runs: Path

    def code(self, source: str, *, has_packages: bool = False) -> Code:
        key = f"{abs(hash(source))}"
        (self.folders.root / key).mkdir(exist_ok=True)
        (self.folders.root / key / "main.py").write_text(source)
        environment = Environment(id="f" * 64, python="3", lock=None) if has_packages else None
        return Code(
            archive=key, function_path="main.py", function_name="main", environment=environment
        )

    async def elastic(self, code: Code) -> float:
        """One execution; seconds from the job's sending to its result."""
        child = await self.processes.sandbox(Wish(code))
        await child.furnish(self.folders.root / code.archive)
        await child.ready()
        child.limit(None)
        child.write_to(Tail())
        start = start_of(code, Workplace(child), {})
        began = time.perf_counter()
        await child.send(replace(start, job=JOB, mark=child.mark, reports_imports=True))
        answer = await child.receive()
        passed = time.perf_counter() - began
        assert isinstance(answer, Returned), answer
        await child.finish(2)
        return passed

    async def fresh(self, code: Code) -> float:
        """The same function in an interpreter that is started for it, until its result is out."""
        interpreter = self.held.interpreter if code.environment else self.blank
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(interpreter, "-X", "utf8", "-c", FRESH),
            cwd=self.folders.root / code.archive,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert b"'v': 2" in await process.stdout.readline()
        passed = time.perf_counter() - began
        await process.wait()
        return passed


async def latencies(stage: Stage, code: Code, rounds: int) -> None:
    """Prints the median and the 99th percentile of both ways, which take turns."""
    for _ in range(10):  # what it imports is known to its zygote then
        await stage.elastic(code)
        await asyncio.sleep(0.2)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(await stage.elastic(code))
        theirs.append(await stage.fresh(code))
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"  forked   {in_ms(ours)}\n  fresh    {in_ms(theirs)}\n  forked / fresh {ratio:.3f}")


async def throughput(stage: Stage, code: Code, count: int) -> float:
    """Executions per second, with their folders and all that an elastic one has around it."""
    elastic = Elastic(stage.workplaces)

    async def lane() -> None:
        for _ in range(count // LANES):
            work = Work(code, JOB, {}, None, stage.runs / "out")
            ending = await elastic.run(work, Record())
            assert ending.error is None, ending.error

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return count / (time.perf_counter() - began)


async def pods(stage: Stage, code: Code, rounds: int) -> None:
    """Prints how long a job takes in a process that is up."""
    log = Tail()
    place = await stage.workplaces.for_long(Wish(code, is_pod=True), {}, log, is_parallel=False)
    await place.sandbox.receive()
    passed = []
    for _ in range(rounds):
        began = time.perf_counter()
        await place.sandbox.send(JOB)
        assert isinstance(await place.sandbox.receive(), Returned)
        passed.append(time.perf_counter() - began)
    await place.clear(0)
    print(f"  warm pod {in_ms(passed)}")


async def memory(stage: Stage, code: Code) -> None:
    """Prints what one more spare takes for itself."""
    child = await stage.processes.sandbox(Wish(code))
    await child.ready()
    assert child.allowance.pid is not None
    full = psutil.Process(child.allowance.pid).memory_full_info()
    await child.finish(0)
    print(
        f"  idle spare: {full.uss / 2**20:.1f} MiB private, {full.pss / 2**20:.1f} MiB proportional"
    )


async def leftovers(stage: Stage, code: Code, count: int) -> None:
    """Prints what so many executions leave in this process and below it."""
    await throughput(stage, code, 400)
    before = await settled(stage)
    speed = await throughput(stage, code, count)
    after = await settled(stage)
    print(f"  {count:,} executions at {speed:.0f}/s; before and after them:")
    for name, value in before.items():
        print(f"    {name:<12}{value:>8} {after[name]:>8}")


async def settled(stage: Stage) -> dict[str, int]:
    await asyncio.sleep(3)
    own = psutil.Process()
    below = own.children(recursive=True)
    return {
        "processes": len(below),
        "descriptors": own.num_fds(),
        "folders": sum(1 for _ in stage.runs.glob("*/*/*/*")),
        "MiB, own": own.memory_info().rss >> 20,
        "MiB, below": sum(process.memory_info().rss for process in below) >> 20,
    }


def in_ms(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    last = ordered[int(len(ordered) * 0.99)]
    return f"p50 {statistics.median(ordered) * 1e3:8.2f} ms   p99 {last * 1e3:8.2f} ms"


@asynccontextmanager
async def stage_in(folder: Path) -> AsyncIterator[Stage]:
    settings = Settings(secret_key="", s3_url="", work_dir=str(folder), elastic_spares=LANES)
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(open_workspace(folder))
        blank = await blank_interpreter(folder)
        enclosures = await stack.enter_async_context(
            open_enclosures(settings, folder, workspace, blank)
        )
        print(f"isolation level {enclosures.isolation.level:d}")
        builder = settings.first_pool_user + settings.pool_users
        workshop = Workshop(enclosures.isolation, builder, workspace.new("workshop"))
        tool = Tool(folder / "uv-cache", workshop)
        environments = Environments(folder / "environments", workspace, 5)
        held, built_s, reused_ms = await built(tool, environments, folder)
        folders = Folders(folder / "code")
        folders.root.mkdir()

        async def install(_: Code) -> Held:
            return held.shared()

        archives: Any = cast(Any, folders)
        processes = Processes(
            *(blank, install, archives, enclosures.start, workspace.later, dict),
            spares=settings.elastic_spares,
            warm=2,
        )
        stack.push_async_callback(processes.close)
        workplaces = Workplaces(processes, archives)
        runs = folder / "runs"
        yield Stage(processes, workplaces, folders, held, blank, built_s, reused_ms, runs)


async def built(tool: Tool, environments: Environments, folder: Path) -> tuple[Held, float, float]:
    """An environment, the seconds of a build from a warm cache, ms to take it again."""
    python = Path(sys.executable).resolve()
    place = folder / "requirements"
    place.mkdir()
    (place / "requirements.txt").write_text(PACKAGES)
    account = Account(Log(), {})
    lock = place / "lock.txt"
    compiling = uv.compile_arguments("requirements.txt", lock, python)
    await tool.run(compiling, place, account, python=python)

    async def make(target: Path) -> None:
        target.mkdir()
        await tool.run(uv.venv_arguments(target, python), target, account, python=python)
        syncing = uv.sync_arguments(target, lock, requires_hashes=True)
        await tool.run(syncing, place, account, python=python, writable=[target])

    (await environments.hold("e" * 64, make)).release()
    began = time.perf_counter()
    held = await environments.hold("f" * 64, make)
    built_s = time.perf_counter() - began
    began = time.perf_counter()
    (await environments.hold("f" * 64, make)).release()
    return held, built_s, (time.perf_counter() - began) * 1e3


async def measure(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pumphouse-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        async with stage_in(Path(name)) as stage:
            print("\nenvironment of numpy, pandas, scikit-learn")
            print(
                f"  from a warm cache {stage.built_s:.2f} s, taken again {stage.reused_ms:.2f} ms"
            )
            trivial = stage.code(TRIVIAL)
            print("\ntrivial function, job sent to result received")
            await latencies(stage, trivial, 200)
            await memory(stage, trivial)
            await pods(stage, trivial, 2000)
            fitting = stage.code(FITTING, has_packages=True)
            print("\nfunction that imports pandas and fits a model of scikit-learn")
            await latencies(stage, fitting, 30)
            await memory(stage, fitting)
            print(f"\nelastic executions, {LANES} at a time")
            await leftovers(stage, trivial, count)


def main(count: int = MANY) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(count))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
