"""Builds: languages, system packages, and wishes that come twice."""

import asyncio
import glob
import os
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import PipelineStatus, Status
from tests.integration.executor.building import USE, Building, from_shelf
from tests.integration.executor.platform import platform_in


async def test_an_unknown_language_is_refused(building: Building) -> None:
    message, _ = await building.failure(None, language="ruby:3.2")
    assert "'ruby:3.2'" in message


async def test_a_python_that_is_not_here_fails_with_those_that_are(building: Building) -> None:
    message, _ = await building.failure(None, language="python:3.99-slim")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert message.startswith("Python 3.99 is not installed")
    assert own in message


async def test_cuda_falls_back_with_a_note(building: Building) -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    pipeline = await building.pipeline("def main(): pass", language=f"python-cuda:{own}-12.1")
    await building.ask(pipeline)
    assert (await building.end(pipeline)).status is PipelineStatus.READY
    assert any("no GPU" in line for line in building.log(pipeline))


def another_python() -> tuple[str, Path] | None:
    """The version and the folder of a Python of this machine that is not the one of the tests."""
    candidates = [
        *glob.glob("/usr/bin/python3.*"),
        *glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3.*")),
    ]
    for path in sorted(map(Path, candidates), reverse=True):
        version = path.name.removeprefix("python")
        parts = version.split(".")
        is_version = len(parts) == 2 and parts[1].isdigit() and int(parts[1]) >= 8
        if is_version and int(parts[1]) != sys.version_info.minor:
            return version, path.parent
    return None


async def test_another_version_of_python_is_used(
    tmp_path: Path, store_url: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (found := another_python()) is None:
        pytest.skip("this machine has one version of Python")
    version, folder = found
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    source = """
        import sys
        import tiny

        def main():
            return {"v": [f"{sys.version_info[0]}.{sys.version_info[1]}", tiny.VERSION]}
        """
    async with platform_in(tmp_path, store_url) as platform, platform.executor():
        building = Building(platform)
        await building.serve()
        for requirements, uses in ((from_shelf(tiny, "tiny"), source), (None, source)):
            text = (
                uses
                if requirements
                else uses.replace("import tiny", "").replace(", tiny.VERSION", "")
            )
            code = await building.built(text, requirements, language=f"python:{version}-slim")
            finished = await building.run(code)
            assert finished.status is Status.SUCCEEDED, finished.error
            assert finished.outputs[0].value[0] == version


async def test_system_packages_are_remarked_on(building: Building) -> None:
    pipeline = await building.pipeline(
        "def main(): pass", system_dependencies=["no-such-package-at-all"]
    )
    await building.ask(pipeline)
    assert (await building.end(pipeline)).status is PipelineStatus.READY
    (remark,) = [line for line in building.log(pipeline) if "no-such-package-at-all" in line]
    assert "is not" in remark


async def test_a_build_asked_for_twice_is_done_once_and_ends(
    building: Building, tiny: Path
) -> None:
    pipeline = await building.pipeline(USE, from_shelf(tiny, "tiny"))
    await asyncio.gather(*(building.ask(pipeline) for _ in range(2)))
    end = await building.end(pipeline)
    await building.platform.change(
        pipeline=replace(pipeline, status=PipelineStatus.READY, status_message=None)
    )
    await building.ask(pipeline)
    other = await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    assert other.environment != end.environment
    assert {found.status for found in building.ends(pipeline)} == {PipelineStatus.READY}


async def test_a_build_of_a_deleted_pipeline_says_nothing(building: Building, tiny: Path) -> None:
    pipeline = await building.pipeline(USE, from_shelf(tiny, "tiny"))
    await building.platform.change(deleted_pipeline_id=pipeline.id)
    await building.ask(pipeline)
    await building.built(USE, from_shelf(tiny, "tiny==1.0"))
    assert building.ends(pipeline) == []
    assert building.log(pipeline) == []


async def test_code_that_is_gone_ends_the_build_with_a_reference(building: Building) -> None:
    pipeline = await building.pipeline(USE, "six\n")
    await building.platform.storage.platform.delete(pipeline.code.archive)
    await building.ask(pipeline)
    end = await building.end(pipeline)
    assert end.status is PipelineStatus.FAILED
    assert "reference" in (end.message or "")
