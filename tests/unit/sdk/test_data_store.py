"""Uploads to the data store, and what it holds."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pumphouse.sdk import (
    InvalidParameters,
    PumphouseSdk,
    Unreachable,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, form_of, ok, refused

FORM = "GET /api/v1/data-store/upload"
START = "POST /api/v1/data-store/upload/multipart"
PART = "POST /api/v1/data-store/upload/multipart/part"
END = "POST /api/v1/data-store/upload/multipart/end"
LIST = "GET /api/v1/data-store/list"
POST = "POST /bucket"


@pytest.fixture(autouse=True)
def _store(platform: FakePlatform, no_pauses: None) -> None:
    platform.on(FORM, ok({"signed_url": "http://store.test/bucket", "fields": {"key": "é"}}))
    platform.on(POST, httpx.Response(204))
    platform.on(START, ok({"upload": 7}))
    platform.on(PART, part_link)
    platform.on(END, httpx.Response(204))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of ten bytes and more go in parts of ten bytes."""
    monkeypatch.setenv("CRAFT_AI__MULTIPART_THRESHOLD__B", "10")
    monkeypatch.setenv("CRAFT_AI__MULTIPART_PART_SIZE__B", "10")


def part_link(request: httpx.Request) -> httpx.Response:
    number = body_of(request)["part_number"]
    url = f"http://store.test/part/{number}"
    return ok({"signed_url": url, "headers": {"X-Part": str(number)}})


def on_parts(platform: FakePlatform, *answers: Any) -> None:
    for number in (1, 2, 3):
        platform.on(f"PUT /part/{number}", *answers)


def received(etag: str = '"tag"') -> httpx.Response:
    return httpx.Response(200, headers={"ETag": etag})


def asked(platform: FakePlatform, route: str) -> list[Any]:
    return [body_of(request) for request in platform.asked(route)]


def test_a_small_object_goes_by_one_form(
    sdk: PumphouseSdk, platform: FakePlatform, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(b"content")
    sdk.upload_data_store_object(str(tmp_path / "model.bin"), "models/é")
    assert platform.asked(FORM)[0].url.params["path_to_object"] == "models/é"
    (posted,) = platform.asked(POST)
    assert form_of(posted) == {"key": (None, "é".encode()), "file": ("model.bin", b"content")}
    assert "Authorization" not in posted.headers


@pytest.mark.parametrize("content", [b"", b"content"])
@pytest.mark.parametrize("kind", [bytes, bytearray, io.BytesIO])
def test_bytes_and_streams_have_no_name(
    sdk: PumphouseSdk, platform: FakePlatform, content: bytes, kind: Callable[[bytes], Any]
) -> None:
    sdk.upload_data_store_object(kind(content), "a")
    assert form_of(platform.asked(POST)[0])["file"] == ("file", content)


def test_a_stream_is_sent_from_its_beginning(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    stream = io.BytesIO()
    stream.write(b"written")
    sdk.upload_data_store_object(stream, "a")
    assert form_of(platform.asked(POST)[0])["file"] == ("file", b"written")


@pytest.mark.parametrize("given", [io.StringIO("text"), 7, None])
def test_anything_but_a_file_is_refused(
    sdk: PumphouseSdk, platform: FakePlatform, given: Any
) -> None:
    with pytest.raises(InvalidParameters, match=r"'filepath_or_buffer' must be .*binary mode"):
        sdk.upload_data_store_object(given, "a")
    assert platform.requests == []


def test_a_large_object_goes_in_parts(
    sdk: PumphouseSdk, platform: FakePlatform, small_parts: None
) -> None:
    on_parts(platform, received())
    sdk.upload_data_store_object(b"0123456789" * 2 + b"!", "a")
    upload = {"path_to_object": "a", "multipart_upload_configuration": {"upload": 7}}
    links = sorted(asked(platform, PART), key=lambda body: int(body["part_number"]))
    assert links == [
        {**upload, "chunk_size": 10, "part_number": 1},
        {**upload, "chunk_size": 10, "part_number": 2},
        {**upload, "chunk_size": 10, "part_number": 3, "size": 21},
    ]
    parts = [{"number": number, "metadata": '"tag"'} for number in (1, 2, 3)]
    assert asked(platform, END) == [{**upload, "parts": parts}]
    (last,) = platform.asked("PUT /part/3")
    assert (last.content, last.headers["X-Part"]) == (b"!", "3")
    assert "Authorization" not in last.headers


@pytest.mark.parametrize("trouble", [httpx.Response(503), httpx.ConnectError("refused")])
def test_a_part_that_fails_is_sent_again_by_a_new_link(
    sdk: PumphouseSdk, platform: FakePlatform, small_parts: None, trouble: Any
) -> None:
    on_parts(platform, received())
    platform.on("PUT /part/2", trouble, received('"second"'))
    sdk.upload_data_store_object(b"0123456789" * 2, "a")
    assert [body["part_number"] for body in asked(platform, PART)].count(2) == 2
    (end,) = asked(platform, END)
    assert end["parts"][1] == {"number": 2, "metadata": '"second"'}


def test_an_upload_whose_part_cannot_be_sent_does_not_end(
    sdk: PumphouseSdk, platform: FakePlatform, small_parts: None
) -> None:
    on_parts(platform, received())
    platform.on("PUT /part/2", httpx.Response(500))
    with pytest.raises(Unreachable):
        sdk.upload_data_store_object(b"0123456789" * 3, "a")
    assert len(platform.asked("PUT /part/2")) == 3
    assert platform.asked(END) == []


def test_an_upload_that_the_platform_refuses_says_why(
    sdk: PumphouseSdk, platform: FakePlatform, small_parts: None
) -> None:
    on_parts(platform, received())
    platform.on(END, refused(400, "Part 2 is missing."))
    with pytest.raises(InvalidParameters, match="Part 2 is missing"):
        sdk.upload_data_store_object(b"0123456789" * 2, "a")


@pytest.mark.parametrize("size", ["x", "0", "-1"])
def test_a_part_size_that_is_none_is_refused(
    sdk: PumphouseSdk, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("CRAFT_AI__MULTIPART_PART_SIZE__B", size)
    with pytest.raises(InvalidParameters, match="CRAFT_AI__MULTIPART_PART_SIZE__B"):
        sdk.upload_data_store_object(b"x", "a")


def test_information_gives_the_size_as_text(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    route = "POST /api/v1/data-store/information"
    platform.on(route, ok({"path": "a", "last_modified": "t", "size": 1536}))
    found = sdk.get_data_store_object_information("a")
    assert found == {"path": "a", "last_modified": "t", "size": "1.50 KB"}
    assert asked(platform, route) == [{"path_to_object": "a"}]


def page(*paths: str, token: str | None = None) -> httpx.Response:
    items = [{"path": path, "last_modified": "t", "size": 5} for path in paths]
    return ok({"items": items, "continuation_token": token})


def test_a_list_goes_on_to_the_last_page(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(LIST, page("a/1", "a/2", token="t=1"), page(token="t=2"), page("a/3"))
    found = sdk.list_data_store_objects("a")
    assert [item["path"] for item in found] == ["a/1", "a/2", "a/3"]
    assert {item["size"] for item in found} == {"5.00 B"}
    assert [dict(request.url.params) for request in platform.asked(LIST)] == [
        {"folder_path": "a"},
        {"folder_path": "a", "continuation_token": "t=1"},
        {"folder_path": "a", "continuation_token": "t=2"},
    ]


def test_the_next_page_is_asked_for_when_it_is_wanted(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(LIST, page("a", token="t"), page("b"))
    found = sdk.iter_data_store_objects()
    assert platform.asked(LIST) == []
    assert next(iter(found))["path"] == "a"
    assert len(platform.asked(LIST)) == 1
    assert platform.asked(LIST)[0].url.query == b""


def test_an_object_is_deleted(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    route = "DELETE /api/v1/data-store/delete"
    platform.on(route, ok({"path": "a b"}))
    assert sdk.delete_data_store_object("a b") == {"path": "a b"}
    assert platform.asked(route)[0].content == b"path_to_object=a+b"
