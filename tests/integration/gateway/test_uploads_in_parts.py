"""Uploads to the data store in parts, each sent to the store by a link of its own."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.platform import SDK_TOKEN
from tests.integration.gateway.storing import PART_BYTES, Upload, information, link

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_object_in_parts_is_there_at_the_end_and_not_before(gateway: Gateway) -> None:
    first, last = b"a" * PART_BYTES, b"bc"
    ongoing = await Upload(gateway, "/big").begin()

    parts = [await ongoing.send(1, first)]
    parts.append(await ongoing.send(2, last, size=PART_BYTES + 2))
    assert (await information(gateway, "big")).status_code == 404
    ended = await ongoing.end(parts)

    assert ended.status_code == 200, ended.text
    assert (await gateway.plain.get(await link(gateway, "big"))).content == first + last
    assert await gateway.stored() == []
    assert (await ongoing.end(parts)).status_code == 404


async def test_parts_may_come_in_any_order_and_without_their_etags(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    await ongoing.send(2, b"bc", size=PART_BYTES + 2)
    await ongoing.send(1, b"a" * PART_BYTES)

    ended = await ongoing.end([{"number": 2}, {"number": 1}])

    assert ended.status_code == 200, ended.text
    assert (await information(gateway, "big")).json()["size"] == PART_BYTES + 2


async def test_an_end_without_the_declared_size_is_refused_until_it_is_there(
    gateway: Gateway,
) -> None:
    ongoing = await Upload(gateway, "big").begin()
    part = await ongoing.send(1, b"abc")

    refused = await ongoing.end([part])
    await ongoing.announce(1, size=3)
    accepted = await ongoing.end([part])

    assert refused.status_code == 400
    assert "size" in refused.json()["message"]
    assert accepted.status_code == 200, accepted.text
    assert (await information(gateway, "big")).json()["size"] == 3


async def test_an_end_with_a_part_missing_is_refused_until_it_is_sent(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    second = await ongoing.send(2, b"bc", size=PART_BYTES + 2)

    refused = await ongoing.end([{"number": 1}, second])
    first = await ongoing.send(1, b"a" * PART_BYTES)
    accepted = await ongoing.end([first, second])

    assert refused.status_code == 400
    assert "Part 1" in refused.json()["message"]
    assert accepted.status_code == 200, accepted.text


async def test_an_end_whose_sizes_do_not_add_up_is_refused_until_they_do(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    cut = await ongoing.send(1, b"ab", size=3)

    refused = await ongoing.end([cut])
    whole = await ongoing.send(1, b"abc", size=3)
    outdated = await ongoing.end([cut])
    accepted = await ongoing.end([whole])

    assert refused.status_code == outdated.status_code == 400
    assert "2 bytes" in refused.json()["message"]
    assert accepted.status_code == 200, accepted.text


@pytest.mark.parametrize("path", ["a", "b", "c", "d"])
async def test_of_a_part_that_was_sent_twice_the_listed_one_counts(
    gateway: Gateway, path: str
) -> None:
    ongoing = await Upload(gateway, path).begin()
    await ongoing.send(1, b"xy", size=3)
    await ongoing.send(1, b"xyz", size=3)
    last = await ongoing.send(1, b"abc", size=3)

    ended = await ongoing.end([last])

    assert ended.status_code == 200, ended.text
    assert (await gateway.plain.get(await link(gateway, path))).content == b"abc"


async def test_an_etag_that_no_part_has_is_refused_until_the_right_one_is_listed(
    gateway: Gateway,
) -> None:
    ongoing = await Upload(gateway, "big").begin()
    part = await ongoing.send(1, b"abc", size=3)

    refused = await ongoing.end([part | {"metadata": '"00000000000000000000000000000000"'}])

    assert refused.status_code == 400
    assert "ETag" in refused.json()["message"]
    assert (await ongoing.end([part])).status_code == 200


async def test_parts_that_the_store_finds_too_small_are_the_senders_fault(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    parts = [await ongoing.send(1, b"a"), await ongoing.send(2, b"b", size=2)]

    answer = await ongoing.end(parts)

    assert answer.status_code in (200, 400), answer.text
    assert (await information(gateway, "big")).status_code == {200: 200, 400: 404}[
        answer.status_code
    ]


async def test_parts_below_what_the_store_takes_become_an_object_at_the_end(
    gateway: Gateway,
) -> None:
    ongoing = await Upload(gateway, "big").begin()
    third = await ongoing.send(3, b"e", size=5, chunk_size=2)
    first = await ongoing.send(1, b"ab", chunk_size=2)

    refused = await ongoing.end([first, {"number": 2}, third])
    cut = await ongoing.send(2, b"c", chunk_size=2)
    short = await ongoing.end([first, cut, third])
    second = await ongoing.send(2, b"cd", chunk_size=2)
    outdated = await ongoing.end([first, cut, third])
    before = await information(gateway, "big")
    accepted = await ongoing.end([third, first, second])

    assert refused.status_code == short.status_code == outdated.status_code == 400
    assert "Part 2" in refused.json()["message"]
    assert "4 bytes" in short.json()["message"]
    assert before.status_code == 404
    assert accepted.status_code == 200, accepted.text
    assert (await gateway.plain.get(await link(gateway, "big"))).content == b"abcde"
    assert await gateway.stored() == []
    assert (await ongoing.end([first, second, third])).status_code == 404


async def test_small_and_large_parts_cannot_be_in_one_upload(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    large = await ongoing.send(1, b"a" * PART_BYTES)
    small = await ongoing.send(2, b"bc", size=PART_BYTES + 2, chunk_size=2)

    refused = await ongoing.end([large, small])
    same = await ongoing.send(2, b"bc", size=PART_BYTES + 2)
    accepted = await ongoing.end([large, same])

    assert refused.status_code == 400
    assert "chunk_size" in refused.json()["message"]
    assert accepted.status_code == 200, accepted.text


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"number": 2}],
        [{"number": 1}, {"number": 1}],
        [{"number": 1}, {"number": 3}],
        [{"number": 0}, {"number": 1}],
        [{"number": "1"}],
        [{"number": 1, "metadata": 3}],
        [{}],
        [1],
        {},
        None,
    ],
    ids=str,
)
async def test_an_end_with_a_list_that_cannot_be_is_refused(gateway: Gateway, parts: Any) -> None:
    ongoing = await Upload(gateway, "big").begin()
    await ongoing.send(1, b"abc", size=3)

    answer = await ongoing.end(parts)

    assert answer.status_code == 400, answer.text
    assert (await information(gateway, "big")).status_code == 404
    assert (await ongoing.end([{"number": 1}])).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"part_number": 0},
        {"part_number": -1},
        {"part_number": 10_001},
        {"part_number": "1"},
        {"part_number": 1.5},
        {"part_number": None},
        {"chunk_size": 0},
        {"chunk_size": 5 * 1024**3 + 1},
        {"chunk_size": "large"},
        {"size": -1},
        {"size": 10**15},
        {"size": "3"},
        {"path_to_object": "a//b"},
        {"path_to_object": "another"},
    ],
    ids=str,
)
async def test_a_part_that_cannot_be_is_refused(gateway: Gateway, changed: dict[str, Any]) -> None:
    ongoing = await Upload(gateway, "big").begin()

    answer = await ongoing.announce(1, **changed)

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "tampered",
    [
        None,
        3,
        "text",
        [],
        {},
        {"upload_id": 3, "permit": "a.b.c"},
        {"upload_id": "other"},
        {"permit": ""},
        {"permit": "é"},
    ],
    ids=str,
)
async def test_a_configuration_that_was_changed_is_refused(gateway: Gateway, tampered: Any) -> None:
    ongoing = await Upload(gateway, "big").begin()
    part = await ongoing.send(1, b"abc", size=3)
    is_change = isinstance(tampered, dict) and tampered
    changed = {
        "multipart_upload_configuration": ongoing.configuration | tampered
        if is_change
        else tampered
    }

    answers = [await ongoing.announce(1, **changed), await ongoing.end([part], **changed)]

    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert "multipart_upload_configuration" in answer.json()["message"]


async def test_a_configuration_of_another_path_is_refused(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    part = await ongoing.send(1, b"abc", size=3)

    answer = await ongoing.end([part], path_to_object="other")

    assert answer.status_code == 400
    assert (await information(gateway, "other")).status_code == 404


async def test_an_upload_that_was_aborted_is_not_found(gateway: Gateway) -> None:
    ongoing = await Upload(gateway, "big").begin()
    part = await ongoing.send(1, b"abc", size=3)
    await gateway.storage.data.abort_uploads(datetime.now(UTC) + timedelta(days=1))

    answer = await ongoing.end([part])

    assert answer.status_code == 404, answer.text
    assert "'big'" in answer.json()["message"]


OFFICIAL_CLIENT = """
import io, os, sys
from craft_ai_sdk import CraftAiSdk
from craft_ai_sdk.exceptions import SdkException

url, token, part = sys.argv[1], sys.argv[2], int(os.environ["CRAFT_AI__MULTIPART_PART_SIZE__B"])
sdk = CraftAiSdk(sdk_token=token, environment_url=url, control_url=url)
for path, size in (("small", 3), ("empty", 0), ("parts", 2 * part + 7), ("exact", 2 * part)):
    content = os.urandom(size)
    sdk.upload_data_store_object(io.BytesIO(content), f"client/{path}")
    read = io.BytesIO()
    sdk.download_data_store_object(f"client/{path}", read)
    assert read.getvalue() == content, path
assert sdk.get_data_store_object_information("client/small")["size"] == "3.00 B"
paths = [found["path"] for found in sdk.iter_data_store_objects("client")]
assert sorted(paths) == ["client/empty", "client/exact", "client/parts", "client/small"], paths
assert sdk.delete_data_store_object("client/small") == {"path": "client/small"}
try:
    sdk.upload_data_store_object(io.BytesIO(bytes(part + 1)), "client/lost-byte")
except SdkException as error:
    assert error.status_code == 400 and "size" in error.message, error
else:
    raise AssertionError("an object without its last byte was taken")
assert "client/lost-byte" not in [found["path"] for found in sdk.list_data_store_objects()]
try:
    sdk.upload_data_store_object(io.BytesIO(b"a"), "client//a")
except SdkException as error:
    assert error.status_code == 400, error
else:
    raise AssertionError("a path with two slashes was taken")
"""


@pytest.mark.parametrize("part_bytes", [PART_BYTES, 1000])
async def test_the_official_client_uploads_whole_and_in_parts(
    gateway: Gateway, part_bytes: int
) -> None:
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OFFICIAL_CLIENT, gateway.url, SDK_TOKEN),
        env={
            **os.environ,
            "CRAFT_AI__MULTIPART_THRESHOLD__B": str(part_bytes),
            "CRAFT_AI__MULTIPART_PART_SIZE__B": str(part_bytes),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await client.communicate()

    assert client.returncode == 0, errors.decode()
