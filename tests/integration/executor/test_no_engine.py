"""Pipelines with a Dockerfile, where no container engine answers or none is set."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.contracts.vocabulary import PipelineStatus, Status
from pumphouse.errors import Invalid
from tests.integration.executor.building import Building
from tests.integration.executor.platform import Platform, platform_in


async def with_dockerfile(building: Building) -> Pipeline:
    made = await building.pipeline({"Dockerfile": "FROM scratch"}, dockerfile_path="Dockerfile")
    code = replace(made.code, function_path="", function_name="", dockerfile="Dockerfile")
    changed = replace(made, code=code)
    await building.platform.change(pipeline=changed)
    return changed


@pytest.fixture
async def without_executor(tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    async with platform_in(tmp_path, store_url) as platform:
        yield platform


async def test_a_build_says_what_the_operator_has_to_set(building: Building) -> None:
    pipeline = await with_dockerfile(building)
    await building.ask(pipeline)
    end = await building.end(pipeline)
    assert end.status is PipelineStatus.FAILED
    assert end.message is not None
    assert "PUMPHOUSE_DOCKER_URL" in end.message


async def test_an_execution_is_an_error_of_the_platform(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    code = Code(archive="a", function_path="", function_name="", dockerfile="D", image="i:1")
    plan = platform.plan(code)
    await platform.send(plan)
    assert (await platform.end(plan)).status is Status.ERROR
    assert "set PUMPHOUSE_DOCKER_URL" in caplog.text


async def test_an_engine_that_does_not_answer_is_waited_for(
    without_executor: Platform, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    platform = without_executor
    address = f"unix://{tmp_path}/engine.sock"
    platform.settings = replace(platform.settings, docker_url=address)
    building = Building(platform)
    await building.serve()
    async with platform.executor():
        assert "were not looked for" in caplog.text
        pipeline = await with_dockerfile(building)
        await building.ask(pipeline)
        plan = platform.plan(replace(pipeline.code, image="i:1"))
        await platform.send(plan)
        await platform.until(lambda: caplog.text.count("Cannot connect") >= 6)
        assert building.ends(pipeline) == []
        assert platform.ends(plan) == []
        ready = await platform.run("def main():\n    pass\n")
        assert ready.status is Status.SUCCEEDED


async def test_an_address_that_is_none_stops_the_start(without_executor: Platform) -> None:
    settings = without_executor.settings
    without_executor.settings = replace(settings, docker_url="/var/run/docker.sock")
    with pytest.raises(Invalid, match="no address of a container engine"):
        async with without_executor.executor():
            pass
