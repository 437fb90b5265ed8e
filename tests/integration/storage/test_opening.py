import asyncio
import socket
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from pumphouse.errors import Invalid, Unavailable
from pumphouse.storage import open_storage
from tests.integration.storage.streams import keys
from tests.servers.object_store import OwnStore, client_of


async def test_both_buckets_are_made_once(store_url: str) -> None:
    name = urlsplit(store_url).path.strip("/")
    for _ in range(2):
        async with open_storage(store_url) as storage:
            assert (storage.data.name, storage.platform.name) == (name, f"{name}-platform")
            await storage.data.put("key", b"kept")
    assert client_of(store_url).bucket_exists(f"{name}-platform")
    async with open_storage(store_url) as storage:
        assert await storage.data.get("key") == b"kept"


async def test_services_may_start_at_once(store_url: str) -> None:
    async with AsyncExitStack() as stack:
        opened = await asyncio.gather(
            *(stack.enter_async_context(open_storage(store_url)) for _ in range(8))
        )
        await opened[0].platform.put("key", b"content")
        assert await opened[7].platform.get("key") == b"content"


@pytest.mark.parametrize("change", [{"user": "other"}, {"secret": "wrong"}])
async def test_wrong_keys_are_said_to_be_wrong(store_url: str, change: dict[str, str]) -> None:
    parts = urlsplit(store_url)
    user, secret = change.get("user", parts.username), change.get("secret", parts.password)
    url = parts._replace(netloc=f"{user}:{secret}@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises(Unavailable, match=r"the platform's own keys: [A-Z]") as caught:
        await open_storage(url).__aenter__()
    assert "wrong" not in caught.value.message


async def test_a_store_that_does_not_answer_is_unavailable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://key:hush@127.0.0.1:{nobody.getsockname()[1]}/data"
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"does not answer: .*127\.0\.0\.1") as caught:
            await open_storage(url, wait_s=0.5).__aenter__()
    assert 0.5 <= time.monotonic() - began < 30
    assert "hush" not in caught.value.message


async def test_a_store_that_is_still_starting_is_waited_for(own_store: OwnStore) -> None:
    own_store.kill()
    url = urlsplit(own_store.url)._replace(path="/late").geturl()
    starting = asyncio.create_task(asyncio.to_thread(own_store.start))
    async with open_storage(url, wait_s=60) as storage:
        await storage.data.put("key", b"content")
    await starting


async def test_addresses_that_are_none_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(Invalid, match="must look like"):
        await open_storage("store").__aenter__()
    with pytest.raises(Invalid, match="public URL"):
        await open_storage("http://k:s@127.0.0.1:1/data", "store").__aenter__()


async def test_a_proxy_of_the_environment_is_not_asked(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with open_storage(store_url) as storage:
        assert await keys(storage.data) == []
