"""The data store over HTTP: the gateway's routes, and the store behind the links it gives."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.storing import API, deletion, information, link, upload

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD_PATHS = {
    "empty": "",
    "only a slash": "/",
    "two slashes": "a//b",
    "two slashes first": "//a",
    "slash at the end": "a/",
    "up": "a/../b",
    "up first": "../b",
    "here": "./a",
    "NUL": "a\0b",
    "line break": "a\nb",
    "too long": "é" * 513,
}


async def test_an_object_goes_in_and_out_and_away(gateway: Gateway) -> None:
    stored = await upload(gateway, "/models/é 1.bin", b"x" * 2048)
    assert stored.status_code in (200, 201, 204), stored.text

    shown = (await information(gateway, "models/é 1.bin")).json()
    assert shown["path"] == "models/é 1.bin"
    assert shown["size"] == 2048
    assert shown["last_modified"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(shown["last_modified"])
    assert timedelta(minutes=-1) < age < timedelta(minutes=1)
    downloaded = await gateway.plain.get(await link(gateway, "models/é 1.bin"))
    assert downloaded.content == b"x" * 2048
    deleted = await deletion(gateway, "models/é 1.bin")
    assert deleted.json() == {"path": "models/é 1.bin"}
    assert (await information(gateway, "models/é 1.bin")).status_code == 404


@pytest.mark.parametrize("content", [b"", b"second"])
async def test_an_upload_replaces_the_object_at_its_path(gateway: Gateway, content: bytes) -> None:
    await upload(gateway, "a", b"first")
    await upload(gateway, "a", content)

    assert (await information(gateway, "a")).json()["size"] == len(content)
    assert (await gateway.plain.get(await link(gateway, "a"))).content == content


async def test_what_is_not_there_is_not_found(gateway: Gateway) -> None:
    answers = [
        await information(gateway, "nope"),
        await gateway.http.post(f"{API}/download", data={"path_to_object": "nope"}),
        await deletion(gateway, "nope"),
    ]

    for answer in answers:
        assert answer.status_code == 404, answer.text
        assert "'nope'" in answer.json()["message"]


async def test_the_data_store_is_for_users_only(gateway: Gateway) -> None:
    for method, path in (
        ("POST", "/information"),
        ("GET", "/list"),
        ("GET", "/upload?path_to_object=a"),
        ("POST", "/upload/multipart"),
        ("POST", "/upload/multipart/part"),
        ("POST", "/upload/multipart/end"),
        ("POST", "/download"),
        ("DELETE", "/delete"),
    ):
        answer = await gateway.plain.request(method, f"{API}{path}")
        assert answer.status_code == 401, path


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS.keys())
async def test_a_path_that_cannot_be_is_refused_everywhere(gateway: Gateway, path: str) -> None:
    answers = [
        await information(gateway, path),
        await gateway.http.get(f"{API}/upload", params={"path_to_object": path}),
        await gateway.http.post(f"{API}/upload/multipart", json={"path_to_object": path}),
        await gateway.http.post(f"{API}/download", data={"path_to_object": path}),
        await deletion(gateway, path),
    ]

    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert "path_to_object" in answer.json()["message"]


@pytest.mark.parametrize("body", [{}, {"path_to_object": 3}, {"path_to_object": None}, [], "a"])
async def test_a_body_without_a_path_is_refused(gateway: Gateway, body: Any) -> None:
    answers = [
        await gateway.http.post(f"{API}/information", json=body),
        await gateway.http.post(f"{API}/upload/multipart", json=body),
        await gateway.http.post(f"{API}/download", json=body),
        await gateway.http.request("DELETE", f"{API}/delete", json=body),
        await gateway.http.get(f"{API}/upload"),
        await gateway.http.request("DELETE", f"{API}/delete", data={"other": "a"}),
    ]

    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]


async def test_a_folder_lists_what_is_below_it_and_nothing_beside(gateway: Gateway) -> None:
    inside = ["f/a.txt", "f/sub/b.txt", "f/sub/deep/c.txt"]
    for path in (*inside, "fx/d.txt"):
        await gateway.storage.data.put(path, b"12345")

    async def listed(**query: str) -> list[str]:
        answer = await gateway.http.get(f"{API}/list", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["continuation_token"] is None
        assert {item["size"] for item in answer.json()["items"]} <= {5}
        return sorted(item["path"] for item in answer.json()["items"])

    assert await listed(folder_path="f") == inside
    assert await listed(folder_path="/f/") == inside
    assert await listed(folder_path="f/sub/") == inside[1:]
    assert await listed(folder_path="f/a.txt") == []
    assert await listed(include_continuation_token="t") == [*inside, "fx/d.txt"]


async def test_a_folder_is_no_object_and_a_path_may_be_both(gateway: Gateway) -> None:
    await gateway.storage.data.put("f/a", b"inside")

    assert (await information(gateway, "f")).status_code == 404
    assert (await deletion(gateway, "f")).status_code == 404
    assert (await upload(gateway, "f", b"beside")).is_success
    assert (await gateway.plain.get(await link(gateway, "f"))).content == b"beside"
    assert (await deletion(gateway, "f")).status_code == 200
    assert (await gateway.plain.get(await link(gateway, "f/a"))).content == b"inside"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"folder_path": "a//b"}, "folder_path"),
        ({"folder_path": "../a"}, "folder_path"),
        ({"folder_path": "a" * 1025}, "folder_path"),
        ({"continuation_token": "a" * 2000}, "continuation_token"),
    ],
)
async def test_a_list_of_what_cannot_be_is_refused(
    gateway: Gateway, query: dict[str, str], named: str
) -> None:
    answer = await gateway.http.get(f"{API}/list", params=query)

    assert answer.status_code == 400, answer.text
    assert named in answer.json()["message"]


async def test_a_long_list_comes_in_pages_of_a_thousand(gateway: Gateway) -> None:
    paths = [f"many/{number:04}" for number in range(1001)]
    names = iter(paths)

    async def fill() -> None:
        for path in names:
            await gateway.storage.data.put(path, b"")

    await asyncio.gather(*(fill() for _ in range(16)))

    first = (await gateway.http.get(f"{API}/list", params={"folder_path": "many"})).json()
    query = {"folder_path": "many", "continuation_token": first["continuation_token"]}
    second = (await gateway.http.get(f"{API}/list", params=query)).json()

    assert len(first["items"]) == 1000
    assert [item["path"] for item in first["items"] + second["items"]] == paths
    assert second["continuation_token"] is None


async def test_an_expired_or_tampered_link_is_refused_by_the_store(gateway: Gateway) -> None:
    await gateway.storage.data.put("a", b"content")
    expired = gateway.storage.data.download_url("a", life_s=1)
    good = await link(gateway, "a")
    give_up_at = asyncio.get_running_loop().time() + 60
    while (late := await gateway.plain.get(expired)).status_code == 200:
        assert asyncio.get_running_loop().time() < give_up_at
        await asyncio.sleep(0.1)
    tampered = await gateway.plain.get(good[:-4] + "0000")
    other = await gateway.plain.get(good.replace("/a?", "/b?"))

    for refused in (late, tampered, other):
        assert refused.status_code == 403
        error = ElementTree.fromstring(refused.content)
        assert error.tag == "Error"
        assert error.findtext("Code")
        assert error.findtext("Message")


async def test_a_form_stores_nothing_at_another_path(gateway: Gateway) -> None:
    query = {"path_to_object": "mine"}
    form = (await gateway.http.get(f"{API}/upload", params=query)).json()

    refused = await gateway.plain.post(
        form["signed_url"], data={**form["fields"], "key": "other"}, files={"file": b"content"}
    )

    assert refused.status_code == 403
    assert (await gateway.storage.data.page()).objects == ()
