"""Pipelines with a Dockerfile, as a test and the engine see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.executions import ExecutionFinished, PlanResolved
from pumphouse.contracts.vocabulary import PipelineStatus, Status
from tests.integration.executor.building import Building
from tests.integration.executor.platform import Platform, platform_in
from tests.servers.docker import engine_url

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


@asynccontextmanager
async def containers_in(
    folder: Path, store_url: str, base: str, **settings: Any
) -> AsyncIterator[Containers]:
    """Without an executor. base: the image that Dockerfiles begin with."""
    engine = docker.DockerClient(engine_url())
    try:
        async with platform_in(folder, store_url) as platform:
            platform.settings = replace(platform.settings, docker_url=engine_url(), **settings)
            building = Building(platform)
            await building.serve()
            containers = Containers(platform, building, base, engine)
            yield containers
        for tag in containers.tags:
            engine.images.remove(tag, force=True)
    finally:
        engine.close()
