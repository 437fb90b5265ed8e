"""Downloads by signed links, and what the object store answers them with."""

import io
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from pumphouse.sdk import Forbidden, NotFound, PumphouseSdk, SdkError, Unreachable
from tests.unit.sdk.fake_platform import FakePlatform, ok

LINK = "POST /api/v1/data-store/download"
FORM = "GET /api/v1/data-store/upload"
GET = "GET /bucket/model.bin"

EXPIRED = httpx.Response(
    403,
    text="<?xml version='1.0'?><Error><Code>AccessDenied</Code>"
    "<Message>Request &amp; link have expired</Message><Resource>/bucket</Resource></Error>",
)


@pytest.fixture(autouse=True)
def _store(platform: FakePlatform, no_pauses: None) -> None:
    platform.on(LINK, ok({"signed_url": "http://store.test/bucket/model.bin?sig=1"}))
    platform.on(FORM, ok({"signed_url": "http://store.test/bucket", "fields": {}}))
    platform.on("POST /bucket", httpx.Response(204))


def test_a_download_sends_no_token_and_writes_the_file(
    sdk: PumphouseSdk, platform: FakePlatform, tmp_path: Path
) -> None:
    platform.on(GET, httpx.Response(200, content=b"\0content"))
    sdk.download_data_store_object("model.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"\0content"
    assert parse_qs(platform.asked(LINK)[0].content.decode()) == {"path_to_object": ["model.bin"]}
    assert "Authorization" not in platform.asked(GET)[0].headers


def test_an_object_that_is_compressed_stays_so(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    headers = {"Content-Encoding": "gzip"}
    stored = httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"not gzip at all"))
    platform.on(GET, lambda _: stored)
    buffer = io.BytesIO()
    sdk.download_data_store_object("model.bin", buffer)
    assert buffer.read() == b"not gzip at all"


@pytest.mark.parametrize(
    ("answer", "kind", "name"),
    [
        (EXPIRED, Forbidden, "AccessDenied"),
        (httpx.Response(404, text="<E><Code>NoSuchKey</Code></E>"), NotFound, "NoSuchKey"),
        (httpx.Response(503, text="<E><Code>SlowDown</Code></E>"), Unreachable, "SlowDown"),
        (httpx.Response(418, text="not XML"), SdkError, "SdkError"),
        (httpx.ReadError("reset"), Unreachable, "RequestError"),
    ],
)
def test_errors_of_the_object_store_are_ours(
    sdk: PumphouseSdk,
    platform: FakePlatform,
    tmp_path: Path,
    answer: Any,
    kind: type[SdkError],
    name: str,
) -> None:
    platform.on(GET, answer)
    with pytest.raises(kind) as caught:
        sdk.download_data_store_object("model.bin", tmp_path / "copy")
    assert (type(caught.value), caught.value.name) == (kind, name)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_object_store_is_read(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(GET, EXPIRED)
    with pytest.raises(Forbidden) as caught:
        sdk.download_data_store_object("model.bin", io.BytesIO())
    assert caught.value.message == "Request & link have expired"
    assert caught.value.status_code == 403
    assert caught.value.additional_data == {"Resource": "/bucket"}


def test_a_redirection_is_followed_to_the_same_scheme_only(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    there = httpx.Response(307, headers={"Location": "http://region.test/there"})
    platform.on(GET, there)
    platform.on("GET /there", httpx.Response(200, content=b"x"))
    buffer = io.BytesIO()
    sdk.download_data_store_object("model.bin", buffer)
    assert buffer.read() == b"x"
    platform.on(GET, httpx.Response(307, headers={"Location": "https://region.test/there"}))
    with pytest.raises(SdkError, match="307"):
        sdk.download_data_store_object("model.bin", buffer)


def test_a_redirection_without_end_is_an_error(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(
        GET, httpx.Response(307, headers={"Location": "http://store.test/bucket/model.bin"})
    )
    with pytest.raises(SdkError, match="without end"):
        sdk.download_data_store_object("model.bin", io.BytesIO())


def test_the_code_of_a_pipeline_is_downloaded(
    sdk: PumphouseSdk, platform: FakePlatform, tmp_path: Path
) -> None:
    link = ok({"signed_url": "http://store.test/bucket/model.bin"})
    platform.on("GET /api/v1/pipelines/add/download", link)
    platform.on(GET, httpx.Response(200, content=b"archive"))
    sdk.download_pipeline_local_folder("add", str(tmp_path))
    assert (tmp_path / "add.tgz").read_bytes() == b"archive"


@pytest.mark.parametrize(
    ("progress", "is_terminal", "is_shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_a_bar_is_shown_on_terminals_and_when_asked_for(
    platform: FakePlatform,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    progress: bool | None,
    is_terminal: bool,
    is_shown: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    platform.on(GET, httpx.Response(200, content=b"content"))
    with PumphouseSdk("http://pump.test", "token", progress=progress, wire=platform) as sdk:
        sdk.upload_data_store_object(b"content", "in.bin")
        sdk.download_data_store_object("out.bin", io.BytesIO())
    shown = capsys.readouterr().err
    assert ("in.bin: 100%" in shown, "out.bin: 100%" in shown) == (is_shown, is_shown)
