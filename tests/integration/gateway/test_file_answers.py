"""Files that executions give: by endpoints, and one by one."""

from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.filing import (
    SDK,
    endpoint,
    kept_files,
    outputs_of,
    pipeline,
    run,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"\x00bytes\r\n" * 1000
BOTH = {"copy": "file", "size": "number"}


async def both(inputs: dict[str, Any]) -> dict[str, Any]:
    doc = inputs["doc"]
    return {"copy": doc, "size": None if doc is None else len(doc)}


async def none(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"copy": None}


@pytest.mark.parametrize("content", [CONTENT, b""])
async def test_the_one_file_of_an_endpoint_is_the_answer(gateway: Gateway, content: bytes) -> None:
    deployment = await endpoint(gateway)

    at_once = await gateway.call(deployment, files={"doc": content})
    redirected = await gateway.call(deployment, files={"doc": content}, headers=SDK)
    later = await gateway.plain.get(redirected.headers["location"])

    for answer in (at_once, later):
        assert answer.status_code == 200
        assert answer.content == content[::-1]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-length"] == str(len(content))
        identifier = answer.headers["craft-ai-execution-id"]
        assert identifier == answer.headers["execution-id"]
        saved_as = f"attachment; filename=files_{identifier}_copy"
        assert answer.headers["content-disposition"] == saved_as


async def test_a_file_among_other_outputs_is_given_by_its_address(gateway: Gateway) -> None:
    deployment = await endpoint(gateway, BOTH)
    gateway.executor.function = both

    plain = await gateway.call(deployment, files={"doc": CONTENT})
    identifier = plain.json()["execution_id"]
    wrapped = await gateway.plain.get(
        f"/endpoints/v1/files/executions/{identifier}",
        params={"token": deployment["endpoint_token"]},
    )

    url = f"{gateway.url}/endpoints/v1/files/executions/{identifier}/outputs/copy"
    assert plain.json()["output"] == {"copy": {"url": url}, "size": len(CONTENT)}
    assert wrapped.json()["outputs"] == {"copy": {"url": url}, "size": {"value": len(CONTENT)}}


async def test_the_address_of_a_file_opens_for_whom_its_result_does(gateway: Gateway) -> None:
    deployment = await endpoint(gateway, BOTH)
    gateway.executor.function = both
    called = await gateway.call(deployment, files={"doc": CONTENT}, headers=SDK)
    ticket = httpx.URL(called.headers["location"]).params["token"]
    url = (await gateway.plain.get(called.headers["location"])).json()["output"]["copy"]["url"]

    opened = [
        await gateway.plain.get(url, headers=token(deployment)),
        await gateway.plain.get(f"{url}?token={deployment['endpoint_token']}"),
        await gateway.plain.get(f"{url}?token={ticket}"),
    ]
    head = await gateway.plain.head(url, headers=token(deployment))
    refused = [
        await gateway.plain.get(url),
        await gateway.plain.get(f"{url}?token=wrong-token"),
        await gateway.http.get(url),
        await gateway.plain.head(url),
    ]

    assert [answer.content for answer in opened] == [CONTENT] * 3
    assert {answer.status_code for answer in opened} == {200}
    assert head.status_code == 200
    for header in ("content-length", "content-type", "content-disposition", "execution-id"):
        assert head.headers[header] == opened[0].headers[header]
    assert head.content == b""
    assert {answer.status_code for answer in refused} == {401}


async def test_no_file_is_at_any_other_address(gateway: Gateway) -> None:
    deployment = await endpoint(gateway, BOTH)
    gateway.executor.function = both
    called = await gateway.call(deployment, files={"doc": CONTENT})
    absent = await gateway.call(deployment)
    url = called.json()["output"]["copy"]["url"]

    for address in (
        url.replace("outputs/copy", "outputs/size"),
        url.replace("outputs/copy", "outputs/nope"),
        url.replace("outputs/copy", "outputs/x%2Fcopy"),
        url.replace("outputs/copy", "outputs/%FF%00"),
        url.replace(called.json()["execution_id"], absent.json()["execution_id"]),
        url.replace(called.json()["execution_id"], "0" * 36),
    ):
        answer = await gateway.plain.get(address, headers=token(deployment))
        assert answer.status_code == 404, address
        assert answer.json()["message"]


async def test_a_file_of_another_endpoint_is_not_given(gateway: Gateway) -> None:
    deployment = await endpoint(gateway, BOTH)
    gateway.executor.function = both
    other = await gateway.http.post(
        "/api/v1/endpoints", json={"name": "other", "pipeline_name": "files"}
    )
    called = await gateway.call(deployment, files={"doc": CONTENT})
    url = called.json()["output"]["copy"]["url"].replace("v1/files", "v1/other")

    answer = await gateway.plain.get(url, headers=token(other.json()))

    assert answer.status_code == 404


async def test_a_file_that_the_function_did_not_give_has_no_address(gateway: Gateway) -> None:
    deployment = await endpoint(gateway)
    gateway.executor.function = none

    plain = await gateway.call(deployment)
    identifier = plain.json()["execution_id"]
    wrapped = await gateway.plain.get(
        f"/endpoints/v1/files/executions/{identifier}",
        params={"token": deployment["endpoint_token"]},
    )

    assert plain.json()["output"] == {"copy": {"url": None}}
    assert wrapped.json()["outputs"] == {"copy": {"url": None}}


@pytest.mark.parametrize("name", ["with space", "a/b/", "50%25", "ré✓", 'quo"te;', "?#&"])
async def test_an_output_of_any_name_can_be_fetched(gateway: Gateway, name: str) -> None:
    renamed = {"pipeline_output_name": "copy", "endpoint_output_name": name}
    deployment = await endpoint(gateway, BOTH, outputs_mapping=[renamed])
    gateway.executor.function = both

    called = await gateway.call(deployment, files={"doc": CONTENT})
    url = called.json()["output"][name]["url"]
    answer = await gateway.plain.get(f"{url}?token={deployment['endpoint_token']}")

    assert answer.status_code == 200, answer.text
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''files_")


async def test_the_address_of_a_file_is_the_one_that_clients_know(
    gateway: Gateway, store_url: str
) -> None:
    forwarded = {"X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https"}
    deployment = await endpoint(gateway, BOTH)
    gateway.executor.function = both
    by_proxy = await gateway.call(deployment, files={"doc": b"x"}, headers=forwarded)
    async with serving_gateway(store_url, public_url="https://example.com/pump/") as public:
        deployment = await endpoint(public, BOTH)
        public.executor.function = both
        by_setting = await public.call(deployment, files={"doc": b"x"})

    for answer, base in (
        (by_proxy, "https://example.org/endpoints/v1/"),
        (by_setting, "https://example.com/pump/endpoints/v1/"),
    ):
        assert answer.json()["output"]["copy"]["url"].startswith(base)


async def test_the_files_of_a_run_are_fetched_one_by_one(gateway: Gateway) -> None:
    await pipeline(gateway, BOTH)
    gateway.executor.function = both
    identifier = await run(gateway, files={"doc": ("a b.txt", CONTENT)})
    path = f"/api/v1/executions/{identifier}"

    given = await gateway.http.get(f"{path}/inputs/doc")
    produced = await gateway.http.get(f"{path}/outputs/copy")
    shown = (await gateway.http.get(path)).json()
    outputs = (await outputs_of(gateway, identifier)).json()["outputs"]

    for answer in (given, produced):
        assert answer.status_code == 200
        assert answer.content == CONTENT
        assert answer.headers["content-type"] == "application/octet-stream"
    assert given.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.txt"
    for items in (shown["outputs"], outputs):
        assert [item.get("value", "none") for item in items] == ["none", len(CONTENT)]
    assert "value" not in shown["inputs"][0]
    assert (await gateway.http.get(f"{path}/outputs/size")).json() == len(CONTENT)


async def test_a_file_that_there_is_not_is_no_content(gateway: Gateway) -> None:
    async def fails(inputs: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("kaboom")

    await pipeline(gateway)
    gateway.executor.function = none
    without = await run(gateway)
    gateway.executor.function = fails
    failed = await run(gateway, files={"doc": CONTENT})
    gone = await run_that_is_gone(gateway)

    for identifier, place, status in (
        (without, "inputs/doc", 204),
        (without, "outputs/copy", 204),
        (failed, "inputs/doc", 200),
        (gone, "inputs/doc", 204),
        (gone, "outputs/copy", 204),
    ):
        answer = await gateway.http.get(f"/api/v1/executions/{identifier}/{place}")
        assert answer.status_code == status, (place, answer.text)


async def run_that_is_gone(gateway: Gateway) -> str:
    """An execution whose files were deleted behind its back."""
    gateway.executor.function = both_of_one
    identifier = await run(gateway, files={"doc": CONTENT})
    for key in await kept_files(gateway):
        if identifier in key:
            await gateway.storage.platform.delete(key)
    return identifier


async def both_of_one(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"copy": inputs["doc"]}


async def test_a_file_of_the_data_store_is_given_while_it_is_there(gateway: Gateway) -> None:
    await pipeline(gateway)
    await gateway.storage.data.put("in/a.txt", b"abc")
    identifier = await run(
        gateway,
        inputs_mapping=[{"pipeline_input_name": "doc", "datastore_path": "in/a.txt"}],
        outputs_mapping=[{"pipeline_output_name": "copy", "datastore_path": "out/b.txt"}],
    )
    path = f"/api/v1/executions/{identifier}"

    given = await gateway.http.get(f"{path}/inputs/doc")
    produced = await gateway.http.get(f"{path}/outputs/copy")
    await gateway.storage.data.delete("in/a.txt")
    await gateway.storage.data.delete("out/b.txt")
    later = [await gateway.http.get(f"{path}/{at}") for at in ("inputs/doc", "outputs/copy")]

    assert (given.content, produced.content) == (b"abc", b"cba")
    assert produced.headers["content-disposition"] == "attachment; filename=b.txt"
    assert [answer.status_code for answer in later] == [204, 204]


async def test_an_output_that_was_not_written_is_not_what_its_path_held_before(
    gateway: Gateway,
) -> None:
    await pipeline(gateway)
    await gateway.storage.data.put("out/old.txt", b"old")
    gateway.executor.function = none
    identifier = await run(
        gateway,
        outputs_mapping=[{"pipeline_output_name": "copy", "datastore_path": "out/old.txt"}],
    )

    answer = await gateway.http.get(f"/api/v1/executions/{identifier}/outputs/copy")

    assert answer.status_code == 204
