"""Files that callers give: to endpoints, and to runs."""

import asyncio
import hashlib
import json
import os
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.filing import (
    MULTIPART,
    OCTETS,
    body_of,
    endpoint,
    kept_files,
    outputs_of,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"\x00 content \r\n--x\r\n \xff" * 5
TURNED = CONTENT[::-1]


def page(gateway: Gateway) -> str:
    return f"{gateway.url}/endpoints/files"


async def curl(*arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed


async def by_curl(gateway: Gateway, deployment: dict[str, Any], file: Path) -> bytes:
    header = "Authorization: " + token(deployment)["Authorization"]
    return await curl("-H", header, "-F", f"doc=@{file}", "-F", "note=hello", page(gateway))


async def by_curl_alone(gateway: Gateway, deployment: dict[str, Any], file: Path) -> bytes:
    header = "Authorization: " + token(deployment)["Authorization"]
    return await curl(
        *("-H", header, "-H", "Content-Type: application/octet-stream"),
        *("--data-binary", f"@{file}", page(gateway)),
    )


async def by_requests(gateway: Gateway, deployment: dict[str, Any], file: Path) -> bytes:
    def send() -> bytes:
        with file.open("rb") as opened:
            return requests.post(
                page(gateway),
                headers=token(deployment),
                files={"doc": opened},
                data={"note": json.dumps("hello")},
                timeout=60,
            ).content

    return await asyncio.to_thread(send)


async def in_small_chunks(gateway: Gateway, deployment: dict[str, Any], file: Path) -> bytes:
    body = body_of(('name="note"', b"hello"), (f'name="doc"; filename="{file.name}"', CONTENT))

    async def chunks() -> Any:
        for byte in body:
            yield bytes([byte])

    return (await gateway.call(deployment, content=chunks(), headers=MULTIPART)).content


@pytest.mark.parametrize("send", [by_curl, by_curl_alone, by_requests, in_small_chunks])
async def test_every_way_to_send_a_file_is_understood(
    gateway: Gateway, tmp_path: Path, send: Callable[..., Awaitable[bytes]]
) -> None:
    deployment = await endpoint(gateway)
    file = tmp_path / "photo.jpg"
    file.write_bytes(CONTENT)

    answer = await send(gateway, deployment, file)

    assert answer == TURNED
    [trigger] = gateway.registry.triggers.values()
    assert trigger.files["doc"].size == len(CONTENT)
    if send is not by_curl_alone:
        assert trigger.files["doc"].name == "photo.jpg"
        assert trigger.inputs == {"note": "hello"}


async def test_a_file_that_is_the_whole_body_is_named_by_header_or_query(gateway: Gateway) -> None:
    deployment = await endpoint(gateway)
    named = OCTETS | {"Content-Disposition": 'attachment; filename="a.bin"'}

    await gateway.call(deployment, content=CONTENT, headers=named)
    await gateway.call(deployment, content=CONTENT, headers=OCTETS, params={"filename": "b/c.bin"})
    await gateway.call(deployment, content=b"", headers=OCTETS)

    found = [trigger.files["doc"] for trigger in gateway.registry.triggers.values()]
    assert [file.name for file in found] == ["a.bin", "c.bin", "doc"]
    assert [file.size for file in found] == [len(CONTENT), len(CONTENT), 0]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('filename="plain.txt"', "plain.txt"),
        ("filename=bare.txt", "bare.txt"),
        ('filename="with \\"quotes\\".txt"', 'with "quotes".txt'),
        ('filename="with %22quotes%22.txt"', 'with "quotes".txt'),
        ('filename="semi;colon.txt"', "semi;colon.txt"),
        ('filename="naïve ✓.txt"', "naïve ✓.txt"),
        ("filename=\"x\"; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\dir\\win.txt"', "win.txt"),
        ('filename=".."', "doc"),
        ('filename="a\x07b"', "ab"),
        ('filename=""', "doc"),
        ('x="y"\r\nContent-Type: application/octet-stream', "doc"),
    ],
)
async def test_a_file_keeps_its_name_as_far_as_a_file_system_takes_it(
    gateway: Gateway, head: str, name: str
) -> None:
    deployment = await endpoint(gateway)
    body = body_of((f'name="doc"; {head}', CONTENT))

    answer = await gateway.call(deployment, content=body, headers=MULTIPART)

    assert answer.content == TURNED
    [trigger] = gateway.registry.triggers.values()
    assert trigger.files["doc"].name == name


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {}),
        (b"", MULTIPART),
        (b'{"doc": null}', {}),
        (b"{}", {"Content-Type": "application/json"}),
        (
            body_of(('name="doc"; filename=""\r\nContent-Type: application/octet-stream', b"")),
            MULTIPART,
        ),
        (body_of(('name="doc"', b"null")), MULTIPART),
        (body_of(('name="other"; filename="a.txt"', CONTENT)), MULTIPART),
    ],
)
async def test_a_file_that_nobody_gives_is_none(
    gateway: Gateway, content: bytes, headers: dict[str, str]
) -> None:
    deployment = await endpoint(gateway)

    answer = await gateway.call(deployment, content=content, headers=headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"] == {"copy": {"url": None}}
    assert await kept_files(gateway) == []


async def test_a_required_file_is_asked_for(gateway: Gateway) -> None:
    required = {"endpoint_input_name": "scan", "is_required": True}
    deployment = await endpoint(gateway, inputs_mapping=[required | {"pipeline_input_name": "doc"}])

    missing = await gateway.call(deployment, json={"note": "x"})
    given = await gateway.call(deployment, files={"scan": b""})

    assert missing.status_code == 400
    assert "'scan' (file)" in missing.json()["message"]
    assert given.status_code == 200
    assert given.content == b""


async def test_a_run_takes_several_files_in_any_order(gateway: Gateway) -> None:
    form = {f"inputs[{n}][data_type]": "file" for n in range(2)}
    await gateway.pipeline(
        **form, **{"inputs[0][is_required]": "", "outputs[0][data_type]": "json"}
    )

    async def sizes(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"sum": {name: file.decode() for name, file in inputs.items()}}

    gateway.executor.function = sizes
    body = body_of(
        ('name="b"; filename="b.txt"', b"second"),
        ('name="json_inputs"', b'{"unknown": 1}'),
        ('name="unknown"; filename="x"', b"dropped"),
        ('name="a"; filename="a.txt"', b"first"),
    )
    started = await gateway.http.post("/api/v1/pipelines/add/run", content=body, headers=MULTIPART)
    ended = await outputs_of(gateway, started.json()["execution_id"])

    assert ended.json()["outputs"][0]["value"] == {"a": "first", "b": "second"}
    assert len(await kept_files(gateway)) == 2


async def test_a_large_file_passes_through_without_being_held(
    gateway: Gateway, tmp_path: Path
) -> None:
    async def same(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"copy": inputs["doc"]}

    deployment = await endpoint(gateway)
    gateway.executor.function, gateway.executor.reads_files = same, False
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(os.urandom(1024 * 1024) * 128)
    header = "Authorization: " + token(deployment)["Authorization"]

    tracemalloc.start()
    try:
        await curl("-H", header, "-F", f"doc=@{sent}", "-o", str(received), page(gateway))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert digest(received) == digest(sent)
    assert peak < 64 * 1024 * 1024


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
