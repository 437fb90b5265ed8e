"""Transfers with a real object store, by links that are signed for it."""

import io
import os
import random
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from pumphouse.sdk import Forbidden, InvalidParameters, NotFound, PumphouseSdk, Unreachable
from tests.integration.sdk.fake_gateway import Answer, FakeGateway, fake_gateway
from tests.servers.object_store import fresh_store
from tests.unit.sdk.driven import CLIENTS, client

PART = 5 * 2**20


@pytest.fixture
def gateway(s3_url: str) -> Iterator[FakeGateway]:
    with fresh_store(s3_url) as bucket_url, fake_gateway(bucket_url) as gateway:
        yield gateway


@pytest.fixture(params=CLIENTS)
def sdk(
    request: pytest.FixtureRequest, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PumphouseSdk]:
    """Either client. They send objects of 10 MiB and more in parts of 5 MiB, the least that
    stores take."""
    monkeypatch.setenv("CRAFT_AI__MULTIPART_THRESHOLD__B", str(2 * PART))
    monkeypatch.setenv("CRAFT_AI__MULTIPART_PART_SIZE__B", str(PART))
    with client(request.param, gateway.url, "token") as found:
        yield found


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def stored(sdk: PumphouseSdk, path: str) -> bytes:
    buffer = io.BytesIO()
    sdk.download_data_store_object(path, buffer)
    return buffer.read()


def in_trouble() -> Answer:
    return 503, {}, b"<Error><Code>SlowDown</Code><Message>Later.</Message></Error>"


def received() -> Answer:
    return 204, {}, b""


def half_an_object() -> Answer:
    return 200, {"Content-Length": "1000"}, b"x" * 500


@pytest.mark.parametrize("size", [0, 1, PART, 2 * PART - 1, 2 * PART, 2 * PART + 1, 6 * PART + 345])
def test_every_byte_comes_back(
    sdk: PumphouseSdk, gateway: FakeGateway, tmp_path: Path, size: int
) -> None:
    source, copy = tmp_path / "in", tmp_path / "out"
    source.write_bytes(content_of(size))
    sdk.upload_data_store_object(source, "folder/é a+b.bin")
    sdk.download_data_store_object("folder/é a+b.bin", str(copy))
    assert copy.read_bytes() == content_of(size)
    assert len(gateway.ends) == (size >= 2 * PART)


@pytest.mark.parametrize("size", [0, 7, PART - 1, PART, PART + 1, 2 * PART + 1])
def test_a_pipe_is_read_to_its_end(sdk: PumphouseSdk, size: int) -> None:
    with pipe(size) as stream:
        sdk.upload_data_store_object(stream, "piped")
    assert stored(sdk, "piped") == content_of(size)


@contextmanager
def pipe(size: int) -> Iterator[IO[bytes]]:
    """What another program writes, of which neither size nor end is known."""
    reading_end, writing_end = os.pipe()

    def write() -> None:
        with open(writing_end, "wb") as stream:
            stream.write(content_of(size))

    writer = threading.Thread(target=write)
    writer.start()
    with open(reading_end, "rb", buffering=0) as stream:
        yield stream
    writer.join()


def test_a_file_of_the_system_has_more_bytes_than_it_says(sdk: PumphouseSdk) -> None:
    sdk.upload_data_store_object("/proc/version", "version")
    assert stored(sdk, "version") == Path("/proc/version").read_bytes()


@pytest.mark.parametrize("name", ["part 1", "part 2", "part 4"])
def test_a_part_that_fails_is_sent_again(
    sdk: PumphouseSdk, gateway: FakeGateway, name: str
) -> None:
    gateway.faults[name] = [in_trouble, in_trouble]
    sdk.upload_data_store_object(content_of(4 * PART), "model")
    assert stored(sdk, "model") == content_of(4 * PART)
    assert gateway.faults[name] == []


def test_a_form_that_fails_is_sent_again_from_its_beginning(
    sdk: PumphouseSdk, gateway: FakeGateway
) -> None:
    gateway.faults["form"] = [in_trouble, in_trouble, received]
    sdk.upload_data_store_object(content_of(PART), "model")
    assert [content_of(PART) in body for body in gateway.forms] == [True, True, True]


def test_an_upload_that_breaks_off_leaves_nothing_to_see(
    sdk: PumphouseSdk, gateway: FakeGateway
) -> None:
    gateway.faults["part 3"] = [in_trouble] * 10
    with pytest.raises(Unreachable, match="Later"):
        sdk.upload_data_store_object(content_of(5 * PART), "model")
    with pytest.raises(NotFound):
        stored(sdk, "model")
    assert gateway.ends == []


class Broken(io.BytesIO):
    """A stream that fails after some reads, and cannot go back."""

    left = 5

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")
        return bytes(size or 0)


def test_a_stream_that_fails_leaves_nothing_to_see(sdk: PumphouseSdk, gateway: FakeGateway) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        sdk.upload_data_store_object(Broken(), "model")
    with pytest.raises(NotFound):
        stored(sdk, "model")


def test_an_object_that_is_absent_is_not_found(sdk: PumphouseSdk, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        sdk.download_data_store_object("nothing", tmp_path / "copy")
    assert (caught.value.name, caught.value.status_code) == ("NoSuchKey", 404)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [10, 3 * PART])
def test_a_link_that_has_expired_is_forbidden(
    sdk: PumphouseSdk, gateway: FakeGateway, tmp_path: Path, size: int
) -> None:
    sdk.upload_data_store_object(content_of(size), "model")
    gateway.links_signed_s_ago = 3600
    with pytest.raises(Forbidden) as caught:
        sdk.download_data_store_object("model", tmp_path / "copy")
    assert "expired" in caught.value.message
    if size > 2 * PART:
        with pytest.raises(Forbidden, match="expired"):
            sdk.upload_data_store_object(content_of(size), "model")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_leaves_the_file_as_it_was(
    sdk: PumphouseSdk, gateway: FakeGateway, tmp_path: Path
) -> None:
    gateway.faults["download"] = [half_an_object, half_an_object]
    with pytest.raises(Unreachable, match="broke off"):
        sdk.download_data_store_object("model", tmp_path / "new")
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(Unreachable, match="broke off"):
        sdk.download_data_store_object("model", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old"]


def test_a_store_that_does_not_answer_is_unreachable(
    sdk: PumphouseSdk, gateway: FakeGateway, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        gateway.elsewhere = f"http://127.0.0.1:{port}/"
        with pytest.raises(Unreachable, match=rf"object store at http://127\.0\.0\.1:{port}/"):
            sdk.download_data_store_object("model", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


class Wide(io.BytesIO):
    """A stream of so many bytes, which it does not hold; it also takes any, and counts them."""

    def __init__(self, size: int = 0) -> None:
        self.left = size
        self.taken = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation

    def read(self, size: int | None = -1) -> bytes:
        size = min(size or 0, self.left)
        self.left -= size
        return bytes(size)

    def write(self, content: Any) -> int:
        self.taken += len(content)
        return len(content)


def test_memory_holds_a_few_parts_whatever_the_size(sdk: PumphouseSdk) -> None:
    tracemalloc.start()
    try:
        sdk.upload_data_store_object(Wide(40 * PART), "zeros")
        taking = Wide()
        sdk.download_data_store_object("zeros", taking)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taking.taken == 40 * PART
    assert peak < 10 * PART


@pytest.mark.parametrize("size", [0, 10, PART])
def test_a_file_of_a_run_is_sent_again_with_a_fresh_token(
    sdk: PumphouseSdk, gateway: FakeGateway, tmp_path: Path, size: int
) -> None:
    (tmp_path / "in").write_bytes(content_of(size))
    gateway.refusals = [401]
    sdk.run_pipeline("count", {"table": tmp_path / "in"}, wait_for_completion=False)
    assert [content_of(size) in body for body in gateway.runs] == [True, True]


def test_a_stream_that_cannot_be_read_again_is_not_sent_by_halves(
    sdk: PumphouseSdk, gateway: FakeGateway
) -> None:
    gateway.refusals = [401]
    with pipe(PART) as stream, pytest.raises(InvalidParameters, match=r"'table'.* a new stream"):
        sdk.run_pipeline("count", {"table": stream}, wait_for_completion=False)
    assert len(gateway.runs) == 1
    with pipe(PART) as stream:
        sdk.run_pipeline("count", {"table": stream}, wait_for_completion=False)
    assert content_of(PART) in gateway.runs[1]
