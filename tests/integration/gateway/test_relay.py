"""The way to the store through the gateway, for clients on other machines."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import pytest

from tests.integration.gateway.conftest import Gateway, serving_gateway
from tests.integration.gateway.storing import API, PART_BYTES, Upload

pytestmark = pytest.mark.asyncio(loop_scope="session")

ELSEWHERE = {"X-Forwarded-Host": "pumphouse.example.org", "X-Forwarded-Proto": "https"}


async def form_for(gateway: Gateway, path: str, **headers: str) -> dict[str, Any]:
    answer = await gateway.http.get(
        f"{API}/upload", params={"path_to_object": path}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    form: dict[str, Any] = answer.json()
    return form


async def link_to(gateway: Gateway, path: str, headers: dict[str, str] = ELSEWHERE) -> str:
    answer = await gateway.http.post(
        f"{API}/download", data={"path_to_object": path}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["signed_url"])


def here(gateway: Gateway, url: str) -> str:
    """The link as it comes in at the gateway behind `pumphouse.example.org`."""
    assert url.startswith("https://pumphouse.example.org/store/"), url
    return url.replace("https://pumphouse.example.org", gateway.url)


def refusal(answer: httpx.Response) -> str:
    """The code of an error as object stores answer it."""
    assert answer.status_code == 403, answer.text
    error = ElementTree.fromstring(answer.content)
    assert error.findtext("Message")
    return error.findtext("Code") or ""


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:80"])
async def test_clients_on_this_machine_speak_to_the_store_itself(
    gateway: Gateway, host: str, store_url: str
) -> None:
    form = await form_for(gateway, "a", Host=host)

    assert urlsplit(form["signed_url"]).port == urlsplit(store_url).port


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        (ELSEWHERE, "https://pumphouse.example.org"),
        ({"Host": "10.1.2.3:8000"}, "http://10.1.2.3:8000"),
        ({"X-Forwarded-Host": "a.example, b.example"}, "http://a.example"),
    ],
)
async def test_other_clients_get_links_through_the_gateway(
    gateway: Gateway, headers: dict[str, str], base: str
) -> None:
    await gateway.storage.data.put("a", b"content")
    ongoing = Upload(gateway, "big")
    gateway.http.headers.update(headers)
    try:
        announced = await (await ongoing.begin()).announce(1)
        await gateway.pipeline()
        archive = await gateway.http.get("/api/v1/pipelines/add/download")
        form = await form_for(gateway, "a")
        link = await link_to(gateway, "a", headers={})
    finally:
        for name in headers:
            del gateway.http.headers[name]

    for url in (
        form["signed_url"],
        link,
        announced.json()["signed_url"],
        archive.json()["signed_url"],
    ):
        assert str(url).startswith(f"{base}/store/{gateway.storage.data.name}"), url


async def test_an_object_goes_in_and_out_through_the_gateway(gateway: Gateway) -> None:
    content = bytes(range(256)) * 4096
    form = await form_for(gateway, "a b/é.bin", **ELSEWHERE)

    stored = await gateway.plain.post(
        here(gateway, form["signed_url"]),
        data=form["fields"],
        files={"file": ("x", content)},
    )
    url = here(gateway, await link_to(gateway, "a b/é.bin"))
    whole = await gateway.plain.get(url)
    part = await gateway.plain.get(url, headers={"Range": "bytes=1-3"})

    assert stored.status_code in (200, 201, 204), stored.text
    assert whole.status_code == 200
    assert whole.content == content
    assert int(whole.headers["Content-Length"]) == len(content)
    assert whole.headers["ETag"]
    assert whole.headers["Content-Security-Policy"] == "sandbox"
    assert part.status_code == 206
    assert part.content == b"\1\2\3"


async def test_an_object_goes_in_by_parts_through_the_gateway(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    parts = []
    for number, content in enumerate((b"a" * PART_BYTES, b"bc"), start=1):
        gateway.http.headers.update(ELSEWHERE)
        try:
            announced = await ongoing.announce(number, size=PART_BYTES + 2)
        finally:
            for name in ELSEWHERE:
                del gateway.http.headers[name]
        sent = await gateway.plain.put(
            here(gateway, announced.json()["signed_url"]), content=content
        )
        assert sent.status_code == 200, sent.text
        parts.append({"number": number, "metadata": sent.headers["ETag"]})

    ended = await ongoing.end(parts)

    assert ended.status_code == 200, ended.text
    assert (await gateway.storage.data.info("big")).size == PART_BYTES + 2


async def test_the_store_checks_signature_and_age_behind_the_gateway(gateway: Gateway) -> None:
    await gateway.storage.data.put("a", b"content")
    good = here(gateway, await link_to(gateway, "a"))
    parts = urlsplit(gateway.storage.data.download_url("a", life_s=1))
    expiring = f"{gateway.url}/store{parts.path}?{parts.query}"
    give_up_at = asyncio.get_running_loop().time() + 60
    while (late := await gateway.plain.get(expiring)).status_code == 200:
        assert asyncio.get_running_loop().time() < give_up_at
        await asyncio.sleep(0.1)

    assert refusal(late)
    assert refusal(await gateway.plain.get(good[:-4] + "0000")) == "SignatureDoesNotMatch"
    assert refusal(await gateway.plain.get(good.replace("/a?", "/b?"))) == "SignatureDoesNotMatch"
    assert refusal(await gateway.plain.put(good, content=b"other")) == "SignatureDoesNotMatch"
    assert (await gateway.plain.get(good)).content == b"content"


async def test_what_is_not_signed_goes_no_further_than_the_gateway(gateway: Gateway) -> None:
    await gateway.storage.data.put("a", b"content")
    bucket = f"/store/{gateway.storage.data.name}"
    form = await form_for(gateway, "a", **ELSEWHERE)
    fields = {"key": "b", "policy": "e30="}

    for answer in (
        await gateway.plain.get(f"{bucket}/a"),
        await gateway.plain.get(f"{bucket}?list-type=2"),
        await gateway.http.get(f"{bucket}/a"),
        await gateway.plain.put(f"{bucket}/b", content=b"new"),
        await gateway.plain.post(bucket, data=fields, files={"file": b"new"}),
        await gateway.plain.post(f"{bucket}/a?uploads"),
        await gateway.plain.post(
            bucket,
            data={"padding": "x" * 70_000, **form["fields"]},
            files={"file": b"new"},
        ),
    ):
        assert refusal(answer) == "AccessDenied"
    assert (await gateway.plain.delete(f"{bucket}/a")).status_code == 405
    assert [found.key for found in (await gateway.storage.data.page()).objects] == ["a"]


async def test_a_form_for_one_path_stores_nothing_at_another(gateway: Gateway) -> None:
    form = await form_for(gateway, "mine", **ELSEWHERE)
    fields = {**form["fields"], "key": "other"}

    answer = await gateway.plain.post(
        here(gateway, form["signed_url"]), data=fields, files={"file": b"content"}
    )

    assert refusal(answer)
    assert (await gateway.storage.data.page()).objects == ()


async def test_a_browser_of_another_origin_may_use_the_links(gateway: Gateway) -> None:
    await gateway.storage.data.put("a", b"content")
    url = here(gateway, await link_to(gateway, "a"))
    origin = {"Origin": "https://console.example.org"}

    asked = await gateway.plain.options(
        url, headers={**origin, "Access-Control-Request-Method": "PUT"}
    )
    answered = await gateway.plain.get(url, headers=origin)

    assert asked.status_code in (200, 204)
    assert "PUT" in asked.headers["Access-Control-Allow-Methods"]
    assert answered.headers["Access-Control-Allow-Origin"] == "*"
    assert "etag" in answered.headers["Access-Control-Expose-Headers"].lower()


async def test_an_upload_cut_off_half_way_leaves_nothing_behind(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    gateway.http.headers.update(ELSEWHERE)
    try:
        announced = await ongoing.announce(1, size=PART_BYTES)
        form = await form_for(gateway, "a")
    finally:
        for name in ELSEWHERE:
            del gateway.http.headers[name]
    part_url = here(gateway, announced.json()["signed_url"])
    form_url = here(gateway, form["signed_url"])

    async def cut() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionAbortedError

    size = {"Content-Length": str(PART_BYTES)}
    with pytest.raises(ConnectionAbortedError):
        await gateway.plain.put(part_url, content=cut(), headers=size)
    body = httpx.Request(
        "POST",
        form_url,
        data=form["fields"],
        files={"file": b"x" * 200_000},
    )
    whole = body.read()

    async def cut_form() -> AsyncIterator[bytes]:
        yield whole[:150_000]
        raise ConnectionAbortedError

    kind = {"Content-Type": body.headers["Content-Type"], "Content-Length": str(len(whole))}
    with pytest.raises(ConnectionAbortedError):
        await gateway.plain.post(form_url, content=cut_form(), headers=kind)

    refused = await ongoing.end([{"number": 1}])
    assert refused.status_code == 400
    assert "Part 1" in refused.json()["message"]
    assert (await gateway.storage.data.page()).objects == ()
    await gateway.storage.data.abort_uploads(datetime.now(UTC) + timedelta(days=1))


async def test_a_public_address_of_the_store_stands_in_every_link(store_url: str) -> None:
    public = "https://files.example.org"
    async with serving_gateway(store_url, s3_public_url=public) as gateway:
        for headers in ({}, ELSEWHERE):
            form = await form_for(gateway, "a", **headers)
            assert form["signed_url"].startswith(f"{public}/")
        unsigned = await gateway.plain.get(f"/store/{gateway.storage.data.name}/a")

    assert unsigned.status_code == 404
    assert unsigned.json()["message"] == "Nothing is served at this address."


@pytest.mark.parametrize("relays", [True, False])
async def test_the_relay_can_be_forced_on_and_off(store_url: str, relays: bool) -> None:
    async with serving_gateway(store_url, s3_relay=relays) as gateway:
        await gateway.storage.data.put("a", b"content")
        links = [await link_to(gateway, "a", headers) for headers in ({}, ELSEWHERE)]
        near = await gateway.plain.get(links[0])

    assert [urlsplit(url).path.startswith("/store/") for url in links] == [relays, relays]
    assert near.content == b"content"


async def test_a_relay_signs_for_the_public_address_and_asks_the_inner_one(store_url: str) -> None:
    public = "https://files.example.org"
    async with serving_gateway(store_url, s3_public_url=public, s3_relay=True) as gateway:
        await gateway.storage.data.put("a", b"content")
        through = await gateway.plain.get(await link_to(gateway, "a", {}))

    assert through.content == b"content"
