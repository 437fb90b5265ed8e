"""`pumphouse up` and its object store, from the outside."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from pumphouse.sdk import PumphouseSdk, SdkError
from tests.processes import named_below
from tests.servers.object_store import client_of, fresh_store, own_object_store
from tests.stack import Platform, embedded_platform, eventually, free_port, is_dead, platform_at

PATH = "folder/a.bin"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pumphouse-test-") as made:
        yield Path(made, "data")


@pytest.fixture
def platform(data: Path) -> Iterator[Platform]:
    """Not started; what a failing test leaves is killed."""
    made = platform_at(data)
    yield made
    made.kill_what_is_left()


def store_of(platform: Platform) -> psutil.Process | None:
    """The process of its embedded store, if there is one."""
    return next(iter(named_below(platform.process.pid, "weed")), None)


def upload(platform: Platform, content: bytes = CONTENT) -> None:
    with PumphouseSdk(platform.url, platform.token) as sdk:
        sdk.upload_data_store_object(io.BytesIO(content), PATH)


def download(platform: Platform) -> bytes:
    with PumphouseSdk(platform.url, platform.token) as sdk:
        target = io.BytesIO()
        sdk.download_data_store_object(PATH, target)
        return target.getvalue()


def test_an_object_survives_a_kill_and_a_stop(platform: Platform) -> None:
    platform.start()
    upload(platform)
    platform.kill()

    platform.start()
    assert download(platform) == CONTENT
    upload(platform, CONTENT[:10])
    platform.stop()

    platform.start()
    assert download(platform) == CONTENT[:10]
    platform.stop()


def test_a_store_that_is_killed_comes_back_at_its_address(data: Path) -> None:
    with embedded_platform(data=data) as platform:
        upload(platform)
        store = store_of(platform)
        assert store is not None
        store.kill()
        eventually(lambda: is_dead(store))

        def content() -> bytes | None:
            with suppress(SdkError):
                return download(platform)
            return None

        assert eventually(content, within_s=90) == CONTENT
        assert "The object store has ended; starting it again." in platform.log


def test_the_store_has_the_port_that_it_is_given(data: Path) -> None:
    port = free_port()
    with embedded_platform("--s3-port", str(port), data=data):
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 403


def test_a_port_of_the_store_that_is_taken_is_named(data: Path) -> None:
    with own_object_store() as other:
        port = urlsplit(other.url).port
        platform = platform_at(data, "--s3-port", str(port))
        platform.spawn()
        assert platform.wait() == 1
        assert f"port {port}" in platform.log
        assert "Traceback" not in platform.log


def test_it_uses_the_object_store_it_is_given_and_starts_none(s3_url: str, data: Path) -> None:
    with fresh_store(s3_url) as url, embedded_platform("--s3-url", url, data=data) as platform:
        upload(platform)
        assert download(platform) == CONTENT
        bucket = urlsplit(url).path.removeprefix("/")
        assert client_of(url).stat_object(bucket, PATH).size == len(CONTENT)
        assert store_of(platform) is None
        assert not (data / "objects").exists()


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://127.0.0.1:9000/bucket", "no keys"),
        ("http://key:hidden@127.0.0.1:9000/", "bucket"),
        ("ftp://key:hidden@127.0.0.1/bucket", "http://ACCESS_KEY:SECRET_KEY@host:port/BUCKET"),
        ("http://key:hidden@127.0.0.1:1/bucket", "object store"),
    ],
)
def test_an_object_store_that_cannot_be_used_is_named(data: Path, url: str, named: str) -> None:
    platform = platform_at(data, "--s3-url", url)
    platform.spawn()
    assert platform.wait() == 1
    assert named in platform.log
    assert "hidden" not in platform.log
    assert "Traceback" not in platform.log
