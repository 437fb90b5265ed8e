"""Pipelines from repositories, as the registry and a test see their builds."""

import io
import tarfile
from pathlib import Path
from typing import Any

import uuid_utils
from msgspec.structs import replace

from pumphouse.contracts.builds import BuildFinished
from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.vocabulary import PipelineStatus, Status
from pumphouse.storage.keys import archive_key
from tests.integration.executor.building import Building
from tests.integration.executor.platform import NOW, SEALER


class Fetching:
    """Builds of pipelines from repositories."""

    def __init__(self, building: Building) -> None:
        self.building = building
        self.platform = building.platform

    async def pipeline(
        self, url: str, key: str | None = None, path: str = "main.py", **container: Any
    ) -> Pipeline:
        identifier = str(uuid_utils.uuid7())
        pipeline = Pipeline(
            id=identifier,
            name=f"fetched-{identifier}",
            code=Code(archive=archive_key(identifier), function_path=path, function_name="main"),
            container={"repository_url": url, "repository_branch": None, **container},
            status=PipelineStatus.PENDING,
            deploy_key=None if key is None else SEALER.seal(key),
            created_at=NOW,
            created_by="u",
        )
        await self.platform.change(pipeline=pipeline)
        return pipeline

    async def end(self, *args: Any, **fields: Any) -> tuple[Pipeline, BuildFinished]:
        """The end of the build of a new pipeline."""
        pipeline = await self.pipeline(*args, **fields)
        await self.building.ask(pipeline)
        return pipeline, await self.building.end(pipeline)

    async def built(self, *args: Any, **fields: Any) -> tuple[Pipeline, BuildFinished]:
        pipeline, end = await self.end(*args, **fields)
        assert end.status is PipelineStatus.READY, end.message
        return pipeline, end

    async def failure(self, *args: Any, **fields: Any) -> str:
        """Why the build of a new pipeline failed."""
        pipeline, end = await self.end(*args, **fields)
        assert end.status is PipelineStatus.FAILED
        assert (end.commit_id, end.archive) == (None, None)
        assert end.message is not None
        lines = self.building.log(pipeline)
        assert lines[-1] == f"[{end.message.partition(chr(10))[0]}]"
        return end.message

    async def run(self, pipeline: Pipeline, end: BuildFinished) -> Any:
        """What `main` returns as `v`."""
        assert end.archive is not None
        code = replace(pipeline.code, archive=end.archive, environment=end.environment)
        finished = await self.building.run(code)
        assert finished.status is Status.SUCCEEDED, finished.error
        return finished.outputs[0].value

    async def files(self, end: BuildFinished) -> dict[str, tarfile.TarInfo]:
        assert end.archive is not None
        content = await self.platform.storage.platform.get(end.archive)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            return {member.name: member for member in archive}

    def left_behind(self) -> list[Path]:
        return self.platform.folders("fetch")
