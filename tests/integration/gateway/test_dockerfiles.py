"""Pipelines with a Dockerfile, as the HTTP API takes and shows them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.integration.gateway.conftest import Gateway, archive_of, serving_gateway
from tests.servers.object_store import fresh_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = {
    "pipeline_name": "photos",
    "container_config[dockerfile_path]": "docker/Dockerfile",
    "inputs[0][name]": "photo",
    "inputs[0][data_type]": "file",
    "outputs[0][name]": "copy",
    "outputs[0][data_type]": "file",
}


@pytest_asyncio.fixture(loop_scope="session")
async def with_engine(s3_url: str) -> AsyncIterator[Gateway]:
    with fresh_store(s3_url) as url:
        async with serving_gateway(url, dockerfiles=True) as gateway:
            yield gateway


async def created(gateway: Gateway, **fields: str) -> httpx.Response:
    files = {"step_file": ("step_file", archive_of({"docker/Dockerfile": "FROM scratch"}))}
    return await gateway.http.post("/api/v1/pipelines", data=FORM | fields, files=files)


async def test_a_dockerfile_waits_for_its_image_and_has_no_function(with_engine: Gateway) -> None:
    answer = await created(with_engine)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert shown["creation_info"]["status"] == "creation_pending"
    parameters = shown["parameters"]
    assert (parameters["function_path"], parameters["function_name"]) == (None, None)
    assert parameters["container_config"]["dockerfile_path"] == "docker/Dockerfile"


async def test_an_archive_without_the_dockerfile_is_refused(with_engine: Gateway) -> None:
    answer = await created(with_engine, **{"container_config[dockerfile_path]": "Dockerfile"})
    assert answer.status_code == 400
    assert "no file 'Dockerfile'" in answer.text


async def test_without_an_engine_a_dockerfile_is_not_supported(gateway: Gateway) -> None:
    answer = await created(gateway)
    assert answer.status_code == 422
    assert "no container engine" in answer.text
    assert not [key for key in await gateway.stored() if "photos" in key]
