import asyncio
from urllib.parse import urlsplit
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from pumphouse.storage import Bucket, UploadForm, open_storage
from tests.integration.storage.streams import MIB, content_of, keys


async def _ask(method: str, url: str, content: bytes | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, url, content=content)


async def _send(form: UploadForm, content: bytes, **changed: str) -> httpx.Response:
    fields = {**form.fields, **changed}
    async with httpx.AsyncClient() as client:
        return await client.post(form.url, data=fields, files={"file": ("a name.bin", content)})


def _assert_refused(answer: httpx.Response) -> None:
    """As the official client reads it."""
    assert answer.status_code == 403
    error = fromstring(answer.content)
    assert error.tag == "Error"
    assert error.findtext("Code")
    assert error.findtext("Message")


@pytest.mark.parametrize("content", [b"", b"content", content_of(9 * MIB)])
@pytest.mark.parametrize("key", ["plain", "a b+c%d#e?f/é😀 &=.txt"])
async def test_a_form_stores_a_file(bucket: Bucket, key: str, content: bytes) -> None:
    assert (await _send(bucket.upload_form(key), content)).is_success
    assert await bucket.get(key) == content


async def test_a_form_stores_nothing_at_another_key(bucket: Bucket) -> None:
    _assert_refused(await _send(bucket.upload_form("mine"), b"content", key="another's"))
    assert await keys(bucket) == []


async def test_a_form_with_another_signature_is_refused(bucket: Bucket) -> None:
    form = bucket.upload_form("key")
    _assert_refused(await _send(form, b"content", **{"x-amz-signature": "0" * 64}))
    assert await keys(bucket) == []


async def test_an_expired_form_is_refused(bucket: Bucket) -> None:
    form = bucket.upload_form("key", life_s=1)
    await asyncio.sleep(2.1)  # what is tested is that time passes
    _assert_refused(await _send(form, b"content"))
    assert await keys(bucket) == []


async def test_a_link_downloads_one_object_as_a_file(bucket: Bucket) -> None:
    await bucket.put("folder/été 😀", b"content")
    url = bucket.download_url("folder/été 😀", file_name='été "1".txt')
    answer = await _ask("GET", url)
    assert answer.content == b"content"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"_t_ _1_.txt\"; filename*=UTF-8''%C3%A9t%C3%A9%20%221%22.txt"
    )
    assert (
        "Content-Disposition"
        not in (await _ask("GET", bucket.download_url("folder/été 😀"))).headers
    )


async def test_a_link_does_nothing_but_what_it_is_for(bucket: Bucket) -> None:
    await bucket.put("key", b"content")
    await bucket.put("other", b"secret")
    url = bucket.download_url("key")
    _assert_refused(await _ask("GET", url.replace("/key?", "/other?")))
    _assert_refused(await _ask("PUT", url, b"changed"))
    _assert_refused(await _ask("DELETE", url))
    _assert_refused(await _ask("GET", url[:-4] + "0000"))
    _assert_refused(await _ask("GET", url.partition("?")[0]))
    assert await bucket.get("key") == b"content"


async def test_an_expired_link_is_refused(bucket: Bucket) -> None:
    await bucket.put("key", b"content")
    url = bucket.download_url("key", life_s=1)
    await asyncio.sleep(2.1)  # what is tested is that time passes
    _assert_refused(await _ask("GET", url))


async def test_links_lead_to_the_public_address(store_url: str) -> None:
    """The store is reached by both names of loopback, so both must be signed for."""
    port = urlsplit(store_url).port
    async with open_storage(store_url, f"http://localhost:{port}") as storage:
        bucket = storage.data
        await bucket.put("key", b"content")
        assert bucket.download_url("key").startswith(f"http://localhost:{port}/")
        assert (await _ask("GET", bucket.download_url("key"))).content == b"content"
        assert (await _send(bucket.upload_form("form"), b"sent")).is_success
        upload_id = await bucket.begin_upload("parts")
        assert (await _ask("PUT", bucket.part_url("parts", upload_id, 1), b"part")).is_success
        await bucket.complete_upload(
            "parts", upload_id, await bucket.uploaded_parts("parts", upload_id)
        )
        assert await bucket.get("form") == b"sent"
        assert await bucket.get("parts") == b"part"
