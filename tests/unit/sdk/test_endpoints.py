"""Calling endpoints."""

import io
from typing import Any

import httpx
import pytest

from pumphouse.sdk import (
    Conflict,
    ExecutionFailed,
    InvalidParameters,
    NotFound,
    PumphouseSdk,
    TimedOut,
    Unauthorized,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, form_of, octets, ok, refused

CALL = "POST /endpoints/sum"
PAGE = "GET /endpoints/sum/executions/e1"
RESULT = "GET /endpoints/v1/sum/executions/e1"
READ = "GET /api/v1/deployments/add"
START = "POST /api/v1/deployments/add/executions"
OUTPUTS = "GET /api/v1/executions/e1/outputs"

WRAPPED = {"execution_id": "e1", "outputs": {"result": {"value": 15}}}
FINISHED = {"execution_id": "e1", "outputs": {"result": 15}, "output": {"result": 15}}
DONE = {"execution_id": "e1", "outputs": {"result": 15}}
FAILED = {"name": "PipelineExecutionFailed", "message": "ZeroDivisionError: division by zero"}


def redirect(status_code: int, to: str) -> httpx.Response:
    return httpx.Response(status_code, headers={"Location": to}, json={"execution_id": "e1"})


def endpoint(
    url_path: str = "sum", rule: str = "endpoint", data_type: str = "number"
) -> httpx.Response:
    output = {"pipeline_output_name": "number3", "data_type": data_type}
    return ok(
        {
            "name": "add",
            "execution_rule": rule,
            "endpoint_url_path": url_path,
            "outputs_mapping": [{**output, "endpoint_output_name": "result"}],
        }
    )


@pytest.fixture(autouse=True)
def _endpoint(platform: FakePlatform) -> None:
    platform.on(READ, endpoint())


def test_the_outputs_are_in_the_answer_of_the_call(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, ok(FINISHED))
    assert sdk.trigger_endpoint("add", "secret", {"a": 9, "b": None}) == DONE
    (request,) = platform.asked(CALL)
    assert body_of(request) == {"a": 9, "b": None}
    assert request.headers["Authorization"] == "EndpointToken secret"
    assert request.headers["Content-Type"] == "application/json"
    assert "craft-ai-client" not in request.headers


def test_a_call_without_inputs_sends_an_empty_object(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, ok(FINISHED))
    sdk.trigger_endpoint("add", "secret")
    assert body_of(platform.asked(CALL)[0]) == {}


def test_a_long_call_follows_where_it_is_sent(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(CALL, redirect(303, "/endpoints/sum/executions/e1"))
    platform.on(PAGE, redirect(307, "/endpoints/sum/executions/e1?hop=1"), ok(FINISHED))
    assert sdk.trigger_endpoint("add", "secret", {"a": 9}) == DONE
    first, second = platform.asked(PAGE)
    assert (first.url.query, second.url.query) == (b"", b"hop=1")
    assert first.content == b""
    assert second.headers["Authorization"] == "EndpointToken secret"


def test_the_secret_does_not_follow_to_another_host(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, redirect(303, "http://elsewhere.test/endpoints/sum/executions/e1?token=t"))
    platform.on(PAGE, ok(FINISHED))
    assert sdk.trigger_endpoint("add", "secret") == DONE
    assert "Authorization" not in platform.asked(PAGE)[0].headers


def test_the_path_of_an_endpoint_is_looked_up_once(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, ok(FINISHED))
    sdk.trigger_endpoint("add", "secret")
    sdk.trigger_endpoint("add", "secret")
    assert len(platform.asked(READ)) == 1


@pytest.mark.parametrize("status_code", [401, 404])
def test_an_endpoint_that_moved_is_found_again(
    sdk: PumphouseSdk, platform: FakePlatform, status_code: int
) -> None:
    platform.on(READ, endpoint(), endpoint("total"))
    platform.on(CALL, ok(FINISHED), refused(status_code))
    platform.on("POST /endpoints/total", ok(FINISHED))
    sdk.trigger_endpoint("add", "secret")
    assert sdk.trigger_endpoint("add", "secret") == DONE


def test_a_wrong_secret_is_unauthorized(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(CALL, refused(401, "Wrong token."))
    with pytest.raises(Unauthorized, match=r"Wrong token\."):
        sdk.trigger_endpoint("add", "wrong")


@pytest.mark.parametrize("token", ["sécret", "a\nb"])
def test_a_secret_that_no_header_holds_is_refused(sdk: PumphouseSdk, token: str) -> None:
    with pytest.raises(InvalidParameters, match="endpoint_token"):
        sdk.trigger_endpoint("add", token)


def test_a_disabled_endpoint_is_a_conflict(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(CALL, refused(409, "It is disabled."))
    with pytest.raises(Conflict):
        sdk.trigger_endpoint("add", "secret")


def test_a_periodic_deployment_is_not_an_endpoint(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(READ, endpoint(rule="periodic"))
    with pytest.raises(InvalidParameters, match="'add' is not an endpoint"):
        sdk.trigger_endpoint("add", "secret")


@pytest.mark.parametrize("is_long", [False, True])
def test_a_function_that_fails_says_why(
    sdk: PumphouseSdk, platform: FakePlatform, is_long: bool
) -> None:
    platform.on(
        CALL, redirect(303, "/endpoints/sum/executions/e1") if is_long else refused(500, **FAILED)
    )
    platform.on(PAGE, refused(500, **FAILED))
    with pytest.raises(ExecutionFailed, match="division by zero"):
        sdk.trigger_endpoint("add", "secret")


def test_without_waiting_the_platform_is_asked_to_answer_at_once(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, redirect(303, "/endpoints/sum/executions/e1"))
    started = sdk.trigger_endpoint("add", "secret", wait_for_completion=False)
    assert started == {"execution_id": "e1"}
    assert "craft-ai-client" in platform.asked(CALL)[0].headers
    assert platform.asked(PAGE) == []


def test_a_call_with_a_time_limit_keeps_to_it(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    def hold(request: httpx.Request) -> httpx.Response:
        assert request.extensions["timeout"]["read"] <= 0.1
        return redirect(307, str(request.url))

    platform.on(CALL, redirect(303, "/endpoints/sum/executions/e1"))
    platform.on(RESULT, hold)
    with pytest.raises(TimedOut, match=r"e1.* 0\.1 s"):
        sdk.trigger_endpoint("add", "secret", timeout_s=0.1)


def test_results_are_read_later(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(RESULT, ok(WRAPPED))
    assert sdk.retrieve_endpoint_results("add", "e1", "secret") == DONE
    assert platform.asked(RESULT)[0].headers["Authorization"] == "EndpointToken secret"


def by_pipeline_name(value: Any) -> httpx.Response:
    item = {"pipeline_output_name": "number3", "data_type": "number", "mapping_type": "endpoint"}
    return ok({"outputs": [{**item, "value": value}]})


def test_the_sdk_token_calls_the_deployment(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(START, httpx.Response(202, json={"execution_id": "e1"}))
    platform.on(OUTPUTS, httpx.Response(307), by_pipeline_name(15))
    assert sdk.trigger_endpoint("add", inputs={"a": 9}) == {
        "execution_id": "e1",
        "outputs": {"number3": 15},
    }
    assert body_of(platform.asked(START)[0]) == {"a": 9}
    assert len(platform.asked(OUTPUTS)) == 2
    assert platform.asked(READ) == []


def test_the_sdk_token_starts_without_waiting(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(START, ok({"execution_id": "e1"}))
    assert sdk.trigger_endpoint("add", wait_for_completion=False) == {"execution_id": "e1"}
    platform.on(OUTPUTS, by_pipeline_name(None))
    assert sdk.retrieve_endpoint_results("add", "e1")["outputs"] == {"number3": None}


FILE_RESULT = {"outputs": {"result": {"url": "http://pump.test/endpoints/v1/files/result"}}}
FILE = "GET /endpoints/v1/files/result"


def test_a_file_is_sent_as_a_part_of_a_form(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(CALL, ok(FINISHED))
    inputs = {"doc": io.BytesIO(b"a,b\n"), "text": "é", "nothing": None}
    assert sdk.trigger_endpoint("add", "secret", inputs) == DONE
    form = form_of(platform.asked(CALL)[0])
    assert form == {
        "doc": ("doc", b"a,b\n"),
        "text": (None, b'"\\u00e9"'),
        "nothing": (None, b"null"),
    }


def test_a_call_with_a_stream_is_never_made_twice(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(CALL, ok(FINISHED), refused(401))
    sdk.trigger_endpoint("add", "secret")
    with pytest.raises(Unauthorized):
        sdk.trigger_endpoint("add", "secret", {"doc": io.BytesIO(b"content")})
    assert len(platform.asked(CALL)) == 2


def test_a_file_that_an_endpoint_gives_is_fetched(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(READ, endpoint(data_type="file"))
    platform.on(CALL, redirect(303, "/endpoints/sum/executions/e1"))
    platform.on(RESULT, ok(FILE_RESULT))
    platform.on(FILE, octets(b"\x00content"))
    assert sdk.trigger_endpoint("add", "secret")["outputs"] == {"result": b"\x00content"}
    (request,) = platform.asked(FILE)
    assert request.headers["Authorization"] == "EndpointToken secret"
    assert "craft-ai-client" in platform.asked(CALL)[0].headers


def test_a_json_output_that_looks_like_a_file_stays_what_it_is(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    value = {"url": "http://elsewhere.test/"}
    platform.on(CALL, ok({"execution_id": "e1", "outputs": {"result": value}}))
    assert sdk.trigger_endpoint("add", "secret")["outputs"] == {"result": value}
    platform.on(RESULT, ok({"outputs": {"result": {"value": value}}}))
    assert sdk.retrieve_endpoint_results("add", "e1", "secret")["outputs"] == {"result": value}


def test_a_file_that_the_function_did_not_give_is_none(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(RESULT, ok({"outputs": {"result": {"url": None}}}))
    assert sdk.retrieve_endpoint_results("add", "e1", "secret")["outputs"] == {"result": None}


def test_a_file_elsewhere_is_fetched_without_the_secret(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    url = "http://elsewhere.test/endpoints/v1/files/result"
    platform.on(RESULT, ok({"outputs": {"result": {"url": url}}}))
    platform.on(FILE, octets(b""))
    assert sdk.retrieve_endpoint_results("add", "e1", "secret")["outputs"] == {"result": b""}
    assert "Authorization" not in platform.asked(FILE)[0].headers


def test_the_secret_goes_to_the_platform_the_way_that_was_given(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    url = "https://pump.test:8443/endpoints/v1/files/result"
    platform.on(RESULT, ok({"outputs": {"result": {"url": url}}}))
    platform.on(FILE, octets(b"x"))
    sdk.retrieve_endpoint_results("add", "e1", "secret")
    assert str(platform.asked(FILE)[0].url) == "http://pump.test/endpoints/v1/files/result"


def test_a_file_that_is_gone_is_not_found(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(RESULT, ok(FILE_RESULT))
    platform.on(FILE, refused(404, "It was deleted."))
    with pytest.raises(NotFound, match="It was deleted"):
        sdk.retrieve_endpoint_results("add", "e1", "secret")
