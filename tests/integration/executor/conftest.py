"""A platform for each test, with an executor at work on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.executor.building import Building, shelf, wheel
from tests.integration.executor.dockerfiles import Containers, containers_in
from tests.integration.executor.platform import Platform, platform_in
from tests.servers.docker import docker_answers, engine_url
from tests.servers.docker_image import base_image
from tests.servers.object_store import fresh_store


@pytest.fixture(scope="session")
def store_url(s3_url: str) -> Iterator[str]:
    """URL of buckets that the tests of the executor share: each uses keys of its own."""
    with fresh_store(s3_url) as url:
        yield url


@pytest.fixture
async def platform(tmp_path: Path, store_url: str) -> AsyncIterator[Platform]:
    """With an executor that is stopped after the test."""
    async with platform_in(tmp_path, store_url) as platform, platform.executor():
        yield platform


@pytest.fixture
async def building(platform: Platform) -> Building:
    """The registry's side of builds, beside the executor of `platform`."""
    building = Building(platform)
    await building.serve()
    return building


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder of wheels: `tiny` in two versions, and `other`, another module."""
    return shelf(
        tmp_path / "shelf", wheel("tiny", "1.0"), wheel("tiny", "2.0"), wheel("other", "1.0")
    )


@pytest.fixture(scope="session")
def container_base() -> Iterator[str]:
    """The tag of an image to build on, where there is an engine."""
    if not docker_answers(engine_url()):
        pytest.skip("no Docker engine answers here")
    with base_image() as tag:
        yield tag


@pytest.fixture
async def containers(
    tmp_path: Path, store_url: str, container_base: str
) -> AsyncIterator[Containers]:
    """With an executor, whose functions are told of a gateway that is not there."""
    url = "http://gateway:8000"
    async with (
        containers_in(tmp_path, store_url, container_base, gateway_url=url) as containers,
        containers.platform.executor(),
    ):
        yield containers
