"""Files that callers give with what is refused: none of them stays in the store."""

import asyncio
from typing import Any

import pytest

from pumphouse.errors import Conflict, PumphouseError, Unavailable
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.filing import (
    MULTIPART,
    body_of,
    endpoint,
    kept_files,
    pipeline,
    token,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"content"
DOC = ('name="doc"; filename="a.txt"', CONTENT)
NOTE = ('name="note"', b"hello")
REFUSED: dict[str, tuple[bytes, dict[str, str], str]] = {
    "a value for a file": (b'{"doc": "abc"}', {}, "'doc'"),
    "a text field for a file": (body_of(('name="doc"', b"abc")), MULTIPART, "'doc'"),
    "a file for a value": (
        body_of(DOC, ('name="note"; filename="n.txt"', b"x")),
        MULTIPART,
        "'note'",
    ),
    "the file twice": (body_of(DOC, DOC), MULTIPART, "'doc'"),
    "a text twice": (body_of(DOC, NOTE, NOTE), MULTIPART, "'note'"),
    "a text beside its file": (body_of(DOC, ('name="doc"', b"null")), MULTIPART, "'doc'"),
    "a value of another type": (body_of(DOC, ('name="note"', b"\xff")), MULTIPART, "'note'"),
    "a part without a name": (body_of(DOC, ("x=y", b"")), MULTIPART, "no name"),
    "another boundary": (body_of(DOC).replace(b"the-", b"not-"), MULTIPART, "multipart"),
    "another last boundary": (body_of(DOC).replace(b"y--", b"y-x"), MULTIPART, "multipart"),
    "no last boundary": (body_of(DOC)[:-6], MULTIPART, "closing boundary"),
    "half a header": (body_of(DOC)[:40], MULTIPART, "closing boundary"),
    "no boundary": (body_of(DOC), {"Content-Type": "multipart/form-data"}, "boundary"),
    "too many parts": (body_of(DOC, *[NOTE] * 1001), MULTIPART, "1,000 parts"),
    "a header without end": (body_of((f'name="doc"; x="{"y" * 99_999}"', b"")), MULTIPART, "parts"),
}


@pytest.mark.parametrize(("body", "headers", "named"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_file_in_a_call_that_is_refused_is_not_kept(
    gateway: Gateway, body: bytes, headers: dict[str, str], named: str
) -> None:
    deployment = await endpoint(gateway)

    for address, sent in (
        ("/endpoints/files", token(deployment)),
        ("/api/v1/deployments/files/executions", {}),
    ):
        answer = await gateway.http.post(address, content=body, headers=headers | sent)
        assert answer.status_code == 400, answer.text
        assert named in answer.json()["message"]
    assert await kept_files(gateway) == []
    assert gateway.registry.triggers == {}


async def test_text_beside_a_file_is_limited_and_the_file_is_not(gateway: Gateway) -> None:
    deployment = await endpoint(gateway)
    large = b"x" * 2_000_000

    too_large = await gateway.call(
        deployment, content=body_of(DOC, ('name="note"', large)), headers=MULTIPART
    )
    taken = await gateway.call(deployment, files={"doc": large}, data={"note": "short"})

    assert too_large.status_code == 413
    assert "1 MiB" in too_large.json()["message"]
    assert taken.content == large
    assert len(await kept_files(gateway)) == 2


async def test_a_file_without_the_right_token_is_not_read(gateway: Gateway) -> None:
    await endpoint(gateway)
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /endpoints/files HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        "Authorization: EndpointToken wrong\r\nContent-Length: 1000000\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n"
    )

    writer.write(head.encode())
    status = await asyncio.wait_for(reader.readline(), 60)
    writer.close()

    assert b" 401 " in status


@pytest.mark.parametrize(
    ("error", "status", "is_kept"), [(Conflict("No."), 409, False), (Unavailable("?"), 503, True)]
)
async def test_a_file_stays_only_when_its_execution_may_have_come_to_be(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    error: PumphouseError,
    status: int,
    is_kept: bool,
) -> None:
    deployment = await endpoint(gateway)

    async def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(gateway.executor.bus, "publish", refuse)
    answer = await gateway.call(deployment, files={"doc": CONTENT})

    assert answer.status_code == status
    assert len(await kept_files(gateway)) == is_kept


async def test_an_endpoint_that_goes_while_a_file_comes_in_takes_none(gateway: Gateway) -> None:
    deployment = await endpoint(gateway)

    async def body() -> Any:
        yield body_of(DOC)[:100]
        await gateway.http.patch("/api/v1/deployments/files", json={"is_enabled": False})
        yield body_of(DOC)[100:]

    answer = await gateway.call(deployment, content=body(), headers=MULTIPART)

    assert answer.status_code == 409
    assert await kept_files(gateway) == []


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ([('name="json_inputs"', b"[]")], "json_inputs"),
        ([('name="json_inputs"; filename="j.json"', b"{}")], "'json_inputs'"),
        ([('name="json_inputs"', b'{"doc": "x"}')], "'doc'"),
        ([('name="note"; filename="n.txt"', b"x")], "'note'"),
        ([('name="doc"', b"text")], "'doc'"),
        (
            [('name="inputs_mapping"', b'[{"pipeline_input_name": "doc", "is_null": true}]')],
            "Both inputs_mapping and inputs give 'doc'",
        ),
    ],
)
async def test_a_file_in_a_run_that_is_refused_is_not_kept(
    gateway: Gateway, parts: list[tuple[str, bytes]], named: str
) -> None:
    await pipeline(gateway)
    given = parts if parts[0][0] == 'name="doc"' else [DOC, *parts]

    answer = await gateway.http.post(
        "/api/v1/pipelines/files/run", content=body_of(*given), headers=MULTIPART
    )

    assert answer.status_code == 400, answer.text
    assert named in answer.json()["message"]
    assert await kept_files(gateway) == []
    assert gateway.registry.triggers == {}
