"""Calling endpoints over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from pumphouse.errors import Unavailable
from tests.integration.gateway.conftest import Gateway
from tests.integration.registry.things import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

SDK = {"craft-ai-client": "craft-ai-sdk@0.74.7"}


def slow(seconds: float) -> Any:
    async def function(inputs: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {"sum": inputs["a"]}

    return function


async def fails(inputs: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("kaboom")


async def test_a_quick_call_answers_with_its_outputs(gateway: Gateway) -> None:
    answer = await gateway.call(await gateway.endpoint(), json={"a": 2, "b": 3})

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"] == answer.json()["outputs"] == {"sum": 5}
    assert answer.headers["craft-ai-execution-id"] == answer.json()["execution_id"]


async def test_a_call_of_the_official_client_is_sent_elsewhere_at_once(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()

    answer = await gateway.call(deployment, json={"a": 2, "b": 3}, headers=SDK)

    assert answer.status_code == 303
    identifier = answer.json()["execution_id"]
    assert answer.headers["craft-ai-execution-id"] == identifier
    assert answer.headers["location"].startswith(f"/endpoints/add/executions/{identifier}?")
    followed = await gateway.plain.get(answer.headers["location"])
    assert followed.json()["output"] == {"sum": 5}


async def test_a_slow_call_is_redirected_until_it_ends(gateway: Gateway) -> None:
    goes_on = asyncio.Event()

    async def waits(inputs: dict[str, Any]) -> dict[str, Any]:
        await goes_on.wait()
        return {"sum": inputs["a"]}

    gateway.executor.function = waits
    deployment = await gateway.endpoint()

    answer = await gateway.call(deployment, json={"a": 7})
    statuses = [answer.status_code]
    while answer.is_redirect:
        answer = await gateway.plain.post(answer.headers["location"])
        statuses.append(answer.status_code)
        goes_on.set()

    assert statuses == [303, 307, 200]
    assert answer.json()["output"] == {"sum": 7}
    assert len(gateway.registry.triggers) == 1


async def test_a_result_is_found_when_its_reply_was_lost(gateway: Gateway) -> None:
    gateway.executor.replies = False
    deployment = await gateway.endpoint()
    started = await gateway.call(deployment, json={"a": 2, "b": 3}, headers=SDK)
    identifier = started.json()["execution_id"]

    async def has_ended() -> bool:
        shown = (await gateway.http.get(f"/api/v1/executions/{identifier}")).json()
        return bool(shown["status"] == "Succeeded")

    await eventually(has_ended)
    async with asyncio.timeout(60):
        answer = started
        while answer.is_redirect:
            answer = await gateway.plain.get(answer.headers["location"])

    assert answer.json()["output"] == {"sum": 5}


async def test_a_failed_execution_answers_500_with_the_error_of_the_code(gateway: Gateway) -> None:
    gateway.executor.function = fails

    answer = await gateway.call(await gateway.endpoint(), json={"a": 1})

    assert answer.status_code == 500
    assert answer.json()["name"] == "PipelineExecutionFailed"
    assert answer.json()["message"] == "RuntimeError: kaboom"
    assert answer.json()["additional_data"]["status"] == "Failed"


@pytest.mark.parametrize("scheme", ["EndpointToken", "endpointtoken"])
async def test_the_token_opens_the_endpoint_and_its_results(gateway: Gateway, scheme: str) -> None:
    deployment = await gateway.endpoint(endpoint_token="my-own.token~1")
    headers = {"Authorization": f"{scheme} my-own.token~1"}

    called = await gateway.plain.post("/endpoints/add", json={"a": 1}, headers=headers)
    page = f"/endpoints/add/executions/{called.json()['execution_id']}"
    wrapped = page.replace("/endpoints/", "/endpoints/v1/") + "?token=my-own.token~1"

    assert deployment["endpoint_token"] == "my-own.token~1"
    assert (await gateway.plain.get(page, headers=headers)).json()["output"] == {"sum": 1}
    assert (await gateway.plain.get(wrapped)).json()["outputs"] == {"sum": {"value": 1}}
    assert (await gateway.plain.get(page)).status_code == 401
    assert (await gateway.plain.get(page + "?token=other-token")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "EndpointToken wrong-token"},
        {"Authorization": "EndpointToken"},
        {"Authorization": "EndpointToken \u00e9\u00e9".encode()},
        {"Authorization": "Bearer {token}"},
    ],
)
async def test_a_wrong_or_missing_token_is_refused(gateway: Gateway, headers: Any) -> None:
    deployment = await gateway.endpoint()
    filled = {
        key: value.format(token=deployment["endpoint_token"]) if isinstance(value, str) else value
        for key, value in headers.items()
    }

    answer = await gateway.plain.post("/endpoints/add", json={"a": 1}, headers=filled)

    assert answer.status_code == 401
    assert answer.json()["name"] == "Unauthorized"
    assert gateway.registry.triggers == {}


async def test_a_new_token_replaces_the_old_one_at_once(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()

    renewed = await gateway.http.post("/api/v1/endpoints/add/generate-new-token")
    chosen = await gateway.http.post(
        "/api/v1/endpoints/add/generate-new-token", data={"endpoint_token": "chosen-token"}
    )

    assert renewed.json()["endpoint_token"] != deployment["endpoint_token"]
    assert chosen.json() == {"endpoint_token": "chosen-token"}
    assert (await gateway.call(deployment, json={"a": 1})).status_code == 401
    assert (await gateway.call(deployment | chosen.json(), json={"a": 1})).status_code == 200


async def test_a_ticket_opens_only_the_result_it_was_given_for(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    one, two = [await gateway.call(deployment, json={"a": 1}, headers=SDK) for _ in range(2)]

    swapped = one.headers["location"].replace(
        one.json()["execution_id"], two.json()["execution_id"]
    )
    as_endpoint_token = httpx.URL(one.headers["location"]).params["token"]

    assert (await gateway.plain.get(swapped)).status_code == 401
    answer = await gateway.call(deployment | {"endpoint_token": as_endpoint_token}, json={"a": 1})
    assert answer.status_code == 401


async def test_an_execution_of_another_endpoint_is_not_found(gateway: Gateway) -> None:
    one = await gateway.endpoint("one")
    two = await gateway.endpoint("two")
    called = await gateway.call(one, json={"a": 1})

    for version in ("", "v1/"):
        page = f"/endpoints/{version}two/executions/{called.json()['execution_id']}"
        answer = await gateway.plain.get(page, params={"token": two["endpoint_token"]})
        assert answer.status_code == 404


async def test_a_disabled_endpoint_takes_no_calls(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    await gateway.http.patch("/api/v1/deployments/add", json={"is_enabled": False})

    for answer in (
        await gateway.call(deployment, json={"a": 1}),
        await gateway.http.post("/api/v1/deployments/add/executions", json={"a": 1}),
    ):
        assert answer.status_code == 409
        assert "enable" in answer.json()["message"]
    assert gateway.registry.triggers == {}


UNUSABLE: list[tuple[bytes, dict[str, str], str]] = [
    (b"", {}, "'a' (number)"),
    (b'{"b": 1}', {}, "'a' (number)"),
    (b'{"a": "nine"}', {}, "'a': a number is expected"),
    (b'{"a": true}', {}, "'a': a number is expected"),
    (b'{"a": 1', {"Content-Type": "application/json"}, "not JSON"),
    (b"[1, 2]", {"Content-Type": "application/json"}, "JSON object"),
    (b"3", {"Content-Type": "application/json"}, "JSON object"),
    (b'"text"', {}, "JSON object"),
    (b"\xff\xfe", {"Content-Type": "application/json"}, "not JSON"),
    (b'{"a": "\xff"}', {"Content-Type": "application/json"}, "UTF-8"),
    (b'{"a": NaN}', {"Content-Type": "application/json"}, "NaN"),
    (b'{"a": 1e999}', {"Content-Type": "application/json"}, "not JSON"),
    (b'{"a": ' + b"1" * 5000 + b"}", {"Content-Type": "application/json"}, "not JSON"),
    (b"[" * 100_000, {"Content-Type": "application/json"}, "nesting"),
    (b'{"a":' * 300 + b"1" + b"}" * 300, {}, "nesting"),
    (b"a=1&a=2", {"Content-Type": "application/x-www-form-urlencoded"}, "more than once"),
    (b"a=%ff", {"Content-Type": "application/x-www-form-urlencoded"}, "UTF-8"),
    (b"a\xff=1", {"Content-Type": "application/x-www-form-urlencoded"}, "UTF-8"),
    (b"x=1&" * 6000, {"Content-Type": "application/x-www-form-urlencoded"}, "fields"),
    (b"--x", {"Content-Type": "multipart/form-data; boundary=x"}, "multipart"),
    (b"--x", {"Content-Type": "multipart/form-data; boundary="}, "multipart"),
    (b"--x", {"Content-Type": "multipart/form-data"}, "boundary"),
    (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        {"Content-Type": "multipart/form-data; boundary=x"},
        "UTF-8",
    ),
    (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
        b"Content-Type: text/plain; charset=klingon\r\n\r\n1\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
        "UTF-8",
    ),
    (b'{"a": 1, "b": "' + b"x" * 70_000 + b'"}', {}, "'b': a number is expected"),
]


@pytest.mark.parametrize(
    ("body", "headers", "named"), UNUSABLE, ids=[named for *_, named in UNUSABLE]
)
async def test_a_body_that_cannot_be_used_is_refused(
    gateway: Gateway, body: bytes, headers: dict[str, str], named: str
) -> None:
    answer = await gateway.call(await gateway.endpoint(), content=body, headers=headers)

    assert answer.status_code == 400, answer.text
    assert named in answer.json()["message"]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert gateway.registry.triggers == {}


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"a": 1, "b": 2}', {}),
        (b'{"a": 1, "b": 2}', {"Content-Type": "text/plain"}),
        (b'{"a": 1, "b": 2}', {"Content-Type": "application/x-www-form-urlencoded"}),
        (b'{"a": 1, "b": 2, "z": "?"}', {"Content-Type": "application/json; charset=utf-8"}),
        (b"a=1&b=2&z=%3F", {"Content-Type": "application/x-www-form-urlencoded"}),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="b"\r\n\r\n2\r\n--x--\r\n',
            {"Content-Type": "multipart/form-data; boundary=x"},
        ),
    ],
)
async def test_every_way_to_send_inputs_is_understood(
    gateway: Gateway, content: bytes, headers: dict[str, str]
) -> None:
    answer = await gateway.call(await gateway.endpoint(), content=content, headers=headers)

    assert answer.json()["output"] == {"sum": 3}


@pytest.mark.parametrize("content", [b"", b"null", b" ", b"{}"])
@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/x-www-form-urlencoded"]
)
async def test_a_call_without_inputs_needs_no_body(
    gateway: Gateway, content: bytes, content_type: str | None
) -> None:
    constants = [
        {"pipeline_input_name": "a", "constant_value": 3},
        {"pipeline_input_name": "b", "constant_value": 4},
    ]
    deployment = await gateway.endpoint(inputs_mapping=constants)
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = await gateway.call(deployment, content=content, headers=headers)

    assert answer.json()["output"] == {"sum": 7}


async def test_a_file_is_no_number(gateway: Gateway) -> None:
    answer = await gateway.call(await gateway.endpoint(), files={"a": ("a.txt", b"abc")})

    assert answer.status_code == 400
    assert "'a' is of type number" in answer.json()["message"]


async def test_a_body_over_the_limit_is_refused(gateway: Gateway) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    deployment = await gateway.endpoint()
    for content in (b" " * 2_000_000, chunks()):
        answer = await gateway.call(deployment, content=content)
        assert answer.status_code == 413
        assert answer.json()["name"] == "TooLarge"


async def test_an_unknown_endpoint_is_not_found(gateway: Gateway) -> None:
    answer = await gateway.plain.post("/endpoints/nope", json={})

    assert answer.status_code == 404
    assert "'nope'" in answer.json()["message"]


async def test_a_get_is_not_a_call(gateway: Gateway) -> None:
    await gateway.endpoint()

    assert (await gateway.plain.get("/endpoints/add")).status_code == 405


async def test_a_trigger_that_is_not_stored_is_unavailable(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = await gateway.endpoint()

    async def refuse(*_: object, **__: object) -> None:
        raise Unavailable("The queue is full. Try again in a moment.")

    monkeypatch.setattr(gateway.executor.bus, "publish", refuse)
    answer = await gateway.call(deployment, json={"a": 1})

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_a_browser_may_call_from_any_page(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    origin = {"Origin": "https://example.org"}

    preflight = await gateway.plain.options(
        "/endpoints/add",
        headers=origin
        | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    answer = await gateway.call(deployment, json={"a": 1}, headers=origin)

    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_renamed_input_and_output_are_what_the_caller_knows(gateway: Gateway) -> None:
    deployment = await gateway.endpoint(
        inputs_mapping=[
            {"pipeline_input_name": "a", "endpoint_input_name": "x", "is_required": True},
            {"pipeline_input_name": "b", "endpoint_input_name": "y", "default_value": 10},
        ],
        outputs_mapping=[{"pipeline_output_name": "sum", "endpoint_output_name": "total"}],
    )

    answer = await gateway.call(deployment, json={"x": 1})
    refused = await gateway.call(deployment, json={"a": 1})

    assert answer.json()["output"] == {"total": 11}
    assert refused.status_code == 400
    assert "'x'" in refused.json()["message"]


async def test_what_a_client_was_told_is_in_the_record_at_once(gateway: Gateway) -> None:
    deployment = await gateway.endpoint()
    called = await gateway.call(deployment, json={"a": 1})
    identifier = called.json()["execution_id"]

    shown = (await gateway.http.get(f"/api/v1/executions/{identifier}")).json()
    latest = await gateway.http.get("/api/v1/deployments/add/executions/latest")

    assert shown["status"] == "Succeeded"
    assert shown["deployment_name"] == "add"
    assert shown["inputs"][0]["mapping_value"] == {"endpoint_input_name": "a"}
    assert latest.json() == {"execution_id": identifier}


async def test_many_calls_are_held_at_once(gateway: Gateway) -> None:
    gateway.executor.function = slow(0.2)
    deployment = await gateway.endpoint()

    answers = await asyncio.gather(
        *(gateway.call(deployment, json={"a": number}) for number in range(100))
    )

    assert [answer.json()["output"]["sum"] for answer in answers] == list(range(100))
