"""Executions in containers of a real engine: their lives, and what is left of them."""

import asyncio
import uuid
from pathlib import Path

import pytest

from pumphouse.contracts.catalog import Code
from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.archives import Archives
from pumphouse.executor.docker.leftovers import HOME_LABEL, OWNER_LABEL, home_of
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.docker.opening import open_docker
from pumphouse.executor.frames import Job
from pumphouse.executor.record import Record
from pumphouse.executor.work import Work
from pumphouse.executor.workspace import open_workspace
from tests.integration.executor.dockerfiles import DOCKERFILE, Containers, containers_in


async def test_a_container_has_the_variables_and_its_token(containers: Containers) -> None:
    await containers.platform.set_variable("GREETING", "salut = ça\nva")
    plan = await containers.begin("leave('v', dict(os.environ))", (), {"v": "json"})
    variables = (await containers.platform.end(plan)).outputs[0].value
    assert variables["GREETING"] == "salut = ça\nva"
    assert variables["CRAFT_AI_EXECUTION_ID"] == plan.execution_id
    assert variables["PUMPHOUSE_URL"] == "http://gateway:8000"
    assert variables["PUMPHOUSE_TOKEN"]


async def test_a_container_is_confined(containers: Containers) -> None:
    plan = await containers.begin(
        "print(open('/proc/self/status').read())\nprint('ready', flush=True)\ntime.sleep(60)",
        timeout_s=20,
    )
    container = await containers.running(plan)
    config = container.attrs["HostConfig"]
    assert (config["PidsLimit"], config["NetworkMode"]) == (4096, "bridge")
    status = dict(line.split(":\t", 1) for line in containers.platform.log(plan) if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    container.kill()
    await containers.platform.end(plan)


async def test_lines_come_while_it_runs_with_their_stream(containers: Containers) -> None:
    plan = await containers.begin(
        "sys.stderr.write('to stderr\\n')\nsys.stdout.write('ready\\nthe rest')\n"
        "sys.stdout.flush()\nwhile not os.path.exists('/tmp/go'): time.sleep(0.01)"
    )
    container = await containers.running(plan)
    assert containers.platform.ends(plan) == []
    assert container.exec_run(["/bin/sh", "-c", ": > /tmp/go"]).exit_code == 0
    assert (await containers.platform.end(plan)).status is Status.SUCCEEDED
    assert sorted(containers.platform.log(plan)) == ["ready", "the rest", "to stderr"]


async def test_much_output_is_whole(containers: Containers) -> None:
    plan = await containers.begin("for i in range(20_000): print(i, 'x' * 80)")
    assert (await containers.platform.end(plan)).status is Status.SUCCEEDED
    log = containers.platform.log(plan)
    assert [line.split()[0] for line in log] == [str(i) for i in range(20_000)]


async def test_nothing_is_left_of_a_container(containers: Containers) -> None:
    plan = await containers.begin("print('done')")
    await containers.platform.end(plan)
    assert containers.of(plan) == []


async def test_the_time_limit_ends_the_container(containers: Containers) -> None:
    plan = await containers.begin(
        "print('begun', flush=True)\nprint('half', end='', flush=True)\ntime.sleep(600)",
        timeout_s=2,
    )
    finished = await containers.platform.end(plan)
    assert finished.status is Status.FAILED
    assert finished.error == "The execution exceeded its time limit of 2 s and was stopped."
    assert containers.platform.log(plan) == ["begun", "half"]
    assert containers.of(plan) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sys.exit(3)", "The container ended with exit code 3."),
        ("1 / 0", "The container ended with exit code 1."),
        ("os.abort()", "exit code 134, which is SIGABRT (native code gave up)."),
        ("os.kill(os.getpid(), 9)", "exit code 137, which is SIGKILL (killed"),
    ],
)
async def test_how_a_container_has_ended_is_told(
    containers: Containers, source: str, words: str
) -> None:
    assert words in await containers.error(source)


async def test_a_container_beyond_its_memory_is_told_so(containers: Containers) -> None:
    code = await containers.code("held = bytearray(512 << 20)")
    assert await _ending(containers, code, Limits(memory=64 << 20)) == (
        "The container was ended because it needed more memory than its limit of 64 MiB."
    )


async def test_a_container_cannot_have_more_processes_than_its_limit(
    containers: Containers,
) -> None:
    code = await containers.code(
        "children = []\ntry:\n  for _ in range(50): children.append(os.fork() or time.sleep(60))\n"
        "except BlockingIOError: sys.exit(len(children))"
    )
    error = await _ending(containers, code, Limits(processes=10))
    assert error in [f"The container ended with exit code {count}." for count in (7, 8)]


async def _ending(containers: Containers, code: Code, limits: Limits) -> str | None:
    """Why the code fails in a container of these limits."""
    platform = containers.platform
    archives = Archives(platform.storage.platform, platform.work_dir / "archives", 1)
    job = Job(execution_id=str(uuid.uuid4()), inputs={}, absent=[], outputs=[])
    work = Work(code, job, {}, None, platform.work_dir / "out")
    async with (
        open_workspace(platform.work_dir) as workspace,
        open_docker(platform.settings, platform.work_dir, workspace, archives, limits) as opened,
    ):
        return (await opened.containers.run(work, Record())).error


async def test_a_program_that_is_not_there_is_named_in_the_log(containers: Containers) -> None:
    code = await containers.code("", 'FROM {base}\nWORKDIR /app\nENTRYPOINT ["/bin/absent"]\n')
    plan = containers.platform.plan(code)
    await containers.platform.send(plan)
    assert "a program that was not found" in str((await containers.platform.end(plan)).error)
    assert "/bin/absent" in containers.platform.log(plan)[0]


async def test_a_container_that_cannot_be_started_is_told_by_the_engine(
    containers: Containers,
) -> None:
    code = await containers.code("", DOCKERFILE + "USER nobody-here\n")
    plan = containers.platform.plan(code)
    await containers.platform.send(plan)
    finished = await containers.platform.end(plan)
    assert finished.status is Status.FAILED
    assert str(finished.error).startswith("The container could not be started: ")
    assert "nobody-here" in str(finished.error)
    assert containers.of(plan) == []


async def test_an_executor_that_stops_ends_its_containers(
    container_base: str, tmp_path: Path, store_url: str
) -> None:
    grace = {"shutdown_grace_s": 0.1}
    async with containers_in(tmp_path, store_url, container_base, **grace) as containers:
        async with containers.platform.executor():
            plan = await containers.begin("print('ready', flush=True)\ntime.sleep(600)")
            await containers.running(plan)
        assert containers.of(plan) == []
        assert containers.platform.ends(plan) == []


async def test_what_a_dead_executor_has_left_is_swept_at_the_next_start(
    containers: Containers,
) -> None:
    platform = containers.platform
    home = await asyncio.to_thread(home_of, platform.work_dir)
    living = [path.name for path in (platform.work_dir / "runs").iterdir()]
    sleep = ["/bin/python", "-c", "import time; time.sleep(600)"]
    owners = {"dead": (home, "1-dead"), "mine": (home, living[0]), "other": ("0" * 32, "1-dead")}
    made = {
        name: containers.engine.containers.run(
            containers.base, sleep, detach=True, labels={HOME_LABEL: of, OWNER_LABEL: owner}
        )
        for name, (of, owner) in owners.items()
    }
    try:
        async with platform.executor():
            left = {one.id for one in containers.engine.containers.list(all=True)}
            assert [name for name, one in made.items() if one.id in left] == ["mine", "other"]
    finally:
        for name in ("mine", "other"):
            made[name].remove(force=True)
