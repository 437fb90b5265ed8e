"""Pipelines whose environments are built, from wheels that the tests make themselves."""

import base64
import csv
import hashlib
import io
import itertools
import zipfile
from pathlib import Path
from typing import Any

import uuid_utils
from msgspec.structs import replace

from pumphouse.bus.topology import REGISTRY_BUILDS
from pumphouse.contracts.builds import BuildFinished, BuildLogged, BuildRequested
from pumphouse.contracts.catalog import Code, Deployment, Pipeline
from pumphouse.contracts.executions import ExecutionFinished
from pumphouse.contracts.vocabulary import Mode, PipelineStatus
from tests.integration.executor.platform import NOW, Platform

USE = """
import tiny

def main():
    return {"v": tiny.VERSION}
"""

_numbers = itertools.count(1)


def wheel(name: str, version: str = "1.0", *, source: str | None = None) -> tuple[str, bytes]:
    """A wheel of one module: its file name and its content."""
    notes = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n" if source is None else source,
        f"{notes}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{notes}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows.writerow((path, f"sha256={digest.decode().rstrip('=')}", len(text.encode())))
    rows.writerow((f"{notes}/RECORD", "", ""))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{notes}/RECORD": record.getvalue()}.items():
            # The same bytes whenever it is made, so that its hash is the same too.
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def shelf(folder: Path, *wheels: tuple[str, bytes]) -> Path:
    """A folder of wheels."""
    folder.mkdir(exist_ok=True)
    for name, content in wheels:
        (folder / name).write_bytes(content)
    return folder


def from_shelf(folder: Path, *lines: str) -> str:
    """Requirements that are met by a folder of wheels and by nothing else."""
    return "\n".join(("--no-index", f"--find-links {folder}", *lines)) + "\n"


class Building:
    """What a test sees of builds: it is the registry for them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.logged: list[BuildLogged] = []
        self.finished: list[BuildFinished] = []

    async def serve(self) -> None:
        async def keep_lines(said: BuildLogged, _: object) -> None:
            self.logged.append(said)

        async def keep_end(said: BuildFinished, _: object) -> None:
            self.finished.append(said)

        await self.platform.bus.consume(
            REGISTRY_BUILDS, {BuildLogged: keep_lines, BuildFinished: keep_end}
        )

    async def pipeline(
        self,
        source: str | dict[str, str] | dict[str, str | bytes],
        requirements: str | None = None,
        **container: Any,
    ) -> Pipeline:
        """A pipeline that waits for its environment."""
        files: dict[str, str | bytes] = (
            {"main.py": source} if isinstance(source, str) else {**source}
        )
        wish = dict(container)
        if requirements is not None:
            files["requirements.txt"] = requirements
            wish.setdefault("requirements_path", "requirements.txt")
        pipeline = Pipeline(
            id=str(uuid_utils.uuid7()),
            name=f"built{next(_numbers)}",
            code=await self.platform.code(files),
            container=wish,
            status=PipelineStatus.PENDING,
            created_at=NOW,
            created_by="u",
        )
        await self.platform.change(pipeline=pipeline)
        return pipeline

    async def ask(self, pipeline: Pipeline) -> None:
        revision = len(self.platform.changes)
        await self.platform.bus.publish(
            BuildRequested(pipeline_id=pipeline.id, catalog_revision=revision)
        )

    async def end(self, pipeline: Pipeline, within_s: float = 60) -> BuildFinished:
        await self.platform.until(lambda: bool(self.ends(pipeline)), within_s)
        return self.ends(pipeline)[-1]

    def ends(self, pipeline: Pipeline) -> list[BuildFinished]:
        return [end for end in self.finished if end.pipeline_id == pipeline.id]

    def log(self, pipeline: Pipeline) -> list[str]:
        """The lines of the build as the registry would keep them."""
        lines: dict[int, str] = {}
        for said in self.logged:
            if said.pipeline_id == pipeline.id:
                lines |= {said.position + i: line.text for i, line in enumerate(said.lines)}
        return [lines[position] for position in sorted(lines)]

    async def built(
        self, source: str | dict[str, str] | dict[str, str | bytes], *args: Any, **container: Any
    ) -> Code:
        """The code of a pipeline with its environment, which the registry then has as ready."""
        pipeline = await self.pipeline(source, *args, **container)
        await self.ask(pipeline)
        end = await self.end(pipeline)
        assert end.status is PipelineStatus.READY, (end, self.log(pipeline))
        code = replace(pipeline.code, environment=end.environment)
        await self.platform.change(
            pipeline=replace(pipeline, status=PipelineStatus.READY, code=code)
        )
        return code

    async def failure(self, *args: Any, **container: Any) -> tuple[str, list[str]]:
        """Why a build failed, and its log."""
        pipeline = await self.pipeline("def main():\n    pass\n", *args, **container)
        await self.ask(pipeline)
        end = await self.end(pipeline)
        assert end.status is PipelineStatus.FAILED
        assert end.environment is None
        assert end.message is not None
        return end.message, self.log(pipeline)

    async def run(self, code: Code, mode: Mode = Mode.ELASTIC) -> ExecutionFinished:
        """Run `main`, which returns `v`."""
        deployment: Deployment | None = None
        if mode is Mode.LOW_LATENCY:
            deployment = await self.platform.deploy(code)
        plan = self.platform.plan(
            code,
            {},
            {"v": "json"},
            mode=mode,
            deployment_id=None if deployment is None else deployment.id,
        )
        await self.platform.send(plan)
        return await self.platform.end(plan, 60)

    def environments(self) -> list[Path]:
        """Folders of environments that are there, complete or not."""
        return [
            path for path in self.platform.work_dir.glob("environments/*") if len(path.name) == 64
        ]
