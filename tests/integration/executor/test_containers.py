"""Pipelines with a Dockerfile, on a real container engine."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.executions import ExecutionFinished, PlannedOutput, PlanResolved
from pumphouse.contracts.mappings import EndpointOutput
from pumphouse.contracts.vocabulary import DataType, PipelineStatus, Status
from pumphouse.executor.archives import Archives
from pumphouse.executor.docker.images import LABEL
from pumphouse.executor.docker.leftovers import HOME_LABEL, OWNER_LABEL, home_of
from pumphouse.executor.docker.limits import Limits
from pumphouse.executor.docker.opening import open_docker
from pumphouse.executor.frames import Job
from pumphouse.executor.record import Record
from pumphouse.executor.work import Work
from pumphouse.executor.workspace import open_workspace
from tests.integration.executor.building import Building
from tests.integration.executor.files import content_of, dropped_file, given_file, returned_file
from tests.integration.executor.platform import Platform, platform_in
from tests.servers.docker import docker_answers, engine_url
from tests.servers.docker_image import base_image

DOCKERFILE = """
FROM {base}
WORKDIR /app
COPY . .
ENTRYPOINT ["/bin/python", "main.py"]
"""
BEGIN = """
import json, os, sys, time

values, files = map(json.loads, sys.argv[1:])

def leave(name, value):
    with open("/app/output-" + name, "w") as file:
        json.dump(value, file)
"""
OTHER_USER = """
FROM {base}
WORKDIR /app
COPY . .
RUN ["/bin/python", "-c", "import os; os.chmod('/app', 0o777)"]
USER 1234
ENTRYPOINT ["/bin/python", "main.py"]
"""


@dataclass
class Containers:
    """What a test sees of pipelines that are containers, and of the engine."""

    platform: Platform
    building: Building
    base: str
    engine: Any
    tags: set[str] = field(default_factory=set)

    async def pipeline(
        self, source: str = "", dockerfile: str = DOCKERFILE, **files: str
    ) -> Pipeline:
        content = {
            "main.py": BEGIN + source,
            "docker/Dockerfile": dockerfile.format(base=self.base),
            **files,
        }
        made = await self.building.pipeline(content, dockerfile_path="docker/Dockerfile")
        code = Code(
            archive=made.code.archive,
            function_path="",
            function_name="",
            dockerfile="docker/Dockerfile",
        )
        changed = replace(made, code=code)
        await self.platform.change(pipeline=changed)
        return changed

    async def code(self, *args: Any, **files: str) -> Code:
        pipeline = await self.pipeline(*args, **files)
        await self.building.ask(pipeline)
        end = await self.building.end(pipeline)
        assert end.status is PipelineStatus.READY, (end, self.building.log(pipeline))
        assert end.image is not None
        assert end.environment is None
        self.tags.add(end.image)
        return replace(pipeline.code, image=end.image)

    async def failure(self, dockerfile: str) -> tuple[str, list[str]]:
        """Why a build failed, and its log."""
        pipeline = await self.pipeline("", dockerfile)
        await self.building.ask(pipeline)
        end = await self.building.end(pipeline)
        assert end.status is PipelineStatus.FAILED
        assert end.message is not None
        return end.message, self.building.log(pipeline)

    async def begin(self, source: str, *args: Any, **fields: Any) -> PlanResolved:
        plan = self.platform.plan(await self.code(source), *args, **fields)
        await self.platform.send(plan)
        return plan

    async def run(self, source: str, *args: Any, **fields: Any) -> ExecutionFinished:
        return await self.platform.end(await self.begin(source, *args, **fields))

    async def error(self, source: str, outputs: Any = (), **fields: Any) -> str:
        """Why an execution failed."""
        finished = await self.run(source, (), outputs, **fields)
        assert finished.status is Status.FAILED, finished
        assert finished.error is not None
        return finished.error

    def of(self, plan: PlanResolved) -> list[Container]:
        name = f"pumphouse-{plan.execution_id}"
        found: list[Container] = self.engine.containers.list(all=True, filters={"name": name})
        return found

    async def running(self, plan: PlanResolved) -> Container:
        """The container of a plan, once its program runs, which is to write `ready`."""
        await self.platform.until(lambda: "ready" in self.platform.log(plan))
        return self.of(plan)[0]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    if not docker_answers(engine_url()):
        pytest.skip("no Docker engine answers here")
    with base_image() as tag:
        yield tag


@pytest.fixture
async def platform(base: str, tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings, docker_url=engine_url(), gateway_url="http://gateway:8000"
        )
        async with platform.executor():
            yield platform


@pytest.fixture
async def containers(
    platform: Platform, building: Building, base: str
) -> AsyncIterator[Containers]:
    engine = docker.DockerClient(engine_url())
    containers = Containers(platform, building, base, engine)
    try:
        yield containers
        for tag in containers.tags:
            engine.images.remove(tag, force=True)
    finally:
        engine.close()


# -- building


async def test_what_the_engine_says_is_the_log_of_the_build(containers: Containers) -> None:
    pipeline = await containers.pipeline("", DOCKERFILE + 'RUN ["/bin/sh", "-c", "echo made it"]')
    await containers.building.ask(pipeline)
    end = await containers.building.end(pipeline)
    assert end.image is not None
    containers.tags.add(end.image)
    log = containers.building.log(pipeline)
    assert "made it" in log
    assert any("WORKDIR /app" in line for line in log)
    assert log[-1] == f"[the image is {end.image}]"
    assert containers.engine.images.get(end.image).labels[LABEL] == end.image.partition(":")[2]


async def test_the_same_content_is_built_once(containers: Containers) -> None:
    first = await containers.code("leave('v', 1)")
    pipeline = await containers.pipeline("leave('v', 1)")
    await containers.building.ask(pipeline)
    assert (await containers.building.end(pipeline)).image == first.image
    assert containers.building.log(pipeline) == [f"[the image is {first.image}]"]
    assert (await containers.code("leave('v', 2)")).image != first.image


@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM {base}\nBAKE cake\n", "unknown instruction: BAKE"),
        ("FROM {base}\nWORKDIR /app\nCOPY missing.txt .\n", "missing.txt"),
        ("FROM {base}\nRUN exit 3\n", "returned a non-zero code: 3"),
        ('FROM {base}\nENTRYPOINT ["/bin/python"]\n', "must be /app"),
        ("FROM {base}\nWORKDIR /app\n", "nothing to run"),
    ],
)
async def test_a_build_that_fails_says_why(
    containers: Containers, dockerfile: str, words: str
) -> None:
    message, log = await containers.failure(dockerfile)
    assert words in message
    assert words in log[-1]


async def test_a_shell_that_swallows_the_inputs_is_remarked_on(containers: Containers) -> None:
    dockerfile = "FROM {base}\nWORKDIR /app\nCOPY . .\nCMD /bin/python main.py\n"
    pipeline = await containers.pipeline("", dockerfile)
    await containers.building.ask(pipeline)
    end = await containers.building.end(pipeline)
    assert end.image is not None
    containers.tags.add(end.image)
    assert any("a shell does not hand on" in line for line in containers.building.log(pipeline))


async def test_an_image_that_is_gone_is_built_again(containers: Containers) -> None:
    code = await containers.code("leave('v', 7)")
    containers.engine.images.remove(code.image, force=True)
    plan = containers.platform.plan(code, (), {"v": "number"})
    await containers.platform.send(plan)
    finished = await containers.platform.end(plan)
    assert [output.value for output in finished.outputs] == [7]


# -- inputs and outputs


async def test_values_go_in_as_an_argument_and_come_out_as_files(containers: Containers) -> None:
    finished = await containers.run(
        "leave('all out', values)\nleave('é', files)",
        {"a": 3, "text": "naïve \0 ' \" $HOME", "none": None},
        {"all out": "json", "é": "json"},
    )
    assert finished.error is None
    assert {output.name: output.value for output in finished.outputs} == {
        "all out": {"a": 3, "text": "naïve \0 ' \" $HOME", "none": None},
        "é": {},
    }


async def test_a_command_gets_the_inputs_after_its_own_arguments(containers: Containers) -> None:
    code = await containers.code(
        "",
        'FROM {base}\nWORKDIR /app\nCOPY . .\nCMD ["/bin/python", "-u", "two.py"]\n',
        **{"two.py": "import sys\nopen('output-v', 'w').write(sys.argv[1])"},
    )
    plan = containers.platform.plan(code, {"a": 1}, {"v": "json"})
    await containers.platform.send(plan)
    assert (await containers.platform.end(plan)).outputs[0].value == {"a": 1}


async def test_files_go_in_and_out_as_they_are(containers: Containers) -> None:
    content = bytes(range(256)) * 5000
    finished = await containers.run(
        """
assert os.path.basename(files["f"]["path"]) == "photo é.png", files
with open(files["f"]["path"], "rb") as file, open("/app/output-f", "wb") as out:
    out.write(file.read()[::-1])
leave("names", sorted(files) + sorted(values))
""",
        (await given_file(containers.platform, "f", content, "photo é.png"),),
        (
            returned_file("f"),
            dropped_file("unused"),
            PlannedOutput(
                name="names", data_type=DataType.ARRAY, destination=EndpointOutput(name="names")
            ),
        ),
    )
    assert finished.error is None
    file, unused, names = finished.outputs
    assert await content_of(containers.platform, file) == content[::-1]
    assert unused.value is None
    assert names.value == ["f"]


async def test_the_user_of_the_image_may_read_the_files(containers: Containers) -> None:
    code = await containers.code(
        "assert os.getuid() == 1234\nleave('v', open(files['f']['path']).read())", OTHER_USER
    )
    given = await given_file(containers.platform, "f", b"readable")
    plan = containers.platform.plan(code, (given,), {"v": "string"})
    await containers.platform.send(plan)
    finished = await containers.platform.end(plan)
    assert (finished.error, [output.value for output in finished.outputs]) == (None, ["readable"])


async def test_inputs_that_are_no_argument_are_refused(containers: Containers) -> None:
    finished = await containers.run("", {"a": "x" * 200_000})
    assert finished.status is Status.FAILED
    assert "where a container takes 131,071 as its argument" in str(finished.error)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("pass", "json", "without the file /app/output-v"),
        ("pass", "file", "without the file /app/output-v"),
        ("open('output-v', 'w').write('plain')", "json", "/app/output-v of the output 'v' is not"),
        ("leave('v', float('nan'))", "json", "is not JSON"),
        ("leave('v', 'text')", "number", "declared as number"),
        ("os.mkdir('output-v')", "json", "which is a folder"),
        ("os.symlink('/etc/passwd', 'output-v')", "file", "which is a link"),
        ("os.mkfifo('output-v')", "file", "which is a named pipe"),
        ("leave('v', 'x' * (9 << 20))", "string", "The outputs are too large: 9.0 MB"),
        ("open('output-v', 'w').write('[' * 300 + ']' * 300)", "json", "deeper than 200 levels"),
        ("open('output-v', 'w').write('[' * 9999 + ']' * 9999)", "json", "deeper than 200 levels"),
    ],
)
async def test_an_output_that_cannot_be_taken_is_named(
    containers: Containers, source: str, kind: str, words: str
) -> None:
    assert words in await containers.error(source, {"v": kind})


# -- running


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
    base: str, tmp_path: Path, store_url: str
) -> None:
    engine = docker.DockerClient(engine_url())
    async with platform_in(tmp_path, store_url) as platform:
        platform.settings = replace(
            platform.settings, docker_url=engine_url(), shutdown_grace_s=0.1
        )
        building = Building(platform)
        await building.serve()
        containers = Containers(platform, building, base, engine)
        async with platform.executor():
            plan = await containers.begin("print('ready', flush=True)\ntime.sleep(600)")
            await containers.running(plan)
        assert containers.of(plan) == []
        assert platform.ends(plan) == []
    for tag in containers.tags:
        engine.images.remove(tag, force=True)
    engine.close()


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
