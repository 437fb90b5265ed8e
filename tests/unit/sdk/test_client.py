"""How a client finds its platform, keeps its tokens and reports what went wrong."""

import sys
import types
from contextvars import ContextVar

import httpx
import pytest

from pumphouse.sdk import (
    Conflict,
    ExecutionFailed,
    Forbidden,
    InvalidParameters,
    NotFound,
    NotSupported,
    PumphouseSdk,
    SdkError,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok, refused, subject_of

PIPELINES = "GET /api/v1/pipelines"
REFRESH = "POST /api/v1/auth/refresh"


def test_address_and_token_come_from_the_environment(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMPHOUSE_URL", "http://from.environment")
    monkeypatch.setenv("PUMPHOUSE_TOKEN", "token-from-environment")
    platform.on(PIPELINES, ok([]))
    with PumphouseSdk(wire=platform) as sdk:
        sdk.list_pipelines()
    assert body_of(platform.requests[0]) == {"refresh_token": "token-from-environment"}
    assert platform.requests[1].url.host == "from.environment"


def test_without_our_variables_those_of_the_official_client_do(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUMPHOUSE_URL", raising=False)
    monkeypatch.delenv("PUMPHOUSE_TOKEN", raising=False)
    monkeypatch.setenv("CRAFT_AI_ENVIRONMENT_URL", "http://of.the.official/")
    monkeypatch.setenv("CRAFT_AI_SDK_TOKEN", "official-token")
    platform.on(PIPELINES, ok([]))
    with PumphouseSdk(wire=platform) as sdk:
        sdk.list_pipelines()
    assert body_of(platform.requests[0]) == {"refresh_token": "official-token"}
    assert platform.requests[1].url.host == "of.the.official"


def test_our_variables_come_before_those_of_the_official_client(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMPHOUSE_URL", "http://ours.test")
    monkeypatch.setenv("PUMPHOUSE_TOKEN", "our-token")
    monkeypatch.setenv("CRAFT_AI_ENVIRONMENT_URL", "http://theirs.test")
    monkeypatch.setenv("CRAFT_AI_SDK_TOKEN", "their-token")
    platform.on(PIPELINES, ok([]))
    with PumphouseSdk(wire=platform) as sdk:
        sdk.list_pipelines()
    assert body_of(platform.requests[0]) == {"refresh_token": "our-token"}
    assert platform.requests[1].url.host == "ours.test"


def test_a_client_knows_the_execution_that_it_runs_in(
    sdk: PumphouseSdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRAFT_AI_EXECUTION_ID", raising=False)
    outside = sdk.execution_id
    monkeypatch.setenv("CRAFT_AI_EXECUTION_ID", "of-the-process")
    context = types.ModuleType("__craft_internal_execution_context")
    current: ContextVar[str] = ContextVar("current")
    context.__dict__["current_execution_id"] = current
    monkeypatch.setitem(sys.modules, context.__name__, context)
    in_the_process = sdk.execution_id
    reset = current.set("of-the-context")
    in_the_context = sdk.execution_id
    current.reset(reset)
    found = (outside, in_the_process, in_the_context)
    assert found == (None, "of-the-process", "of-the-context")


@pytest.mark.parametrize(
    ("url", "token", "missing"),
    [
        (None, None, "PUMPHOUSE_URL or CRAFT_AI_ENVIRONMENT_URL"),
        ("http://pump.test", None, "PUMPHOUSE_TOKEN"),
        (None, "sdk-token", "PUMPHOUSE_URL"),
        ("http://pump.test", "", "PUMPHOUSE_TOKEN"),
    ],
)
def test_what_is_missing_is_named(
    url: str | None, token: str | None, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PUMPHOUSE_URL", "PUMPHOUSE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CRAFT_AI_ENVIRONMENT_URL", "CRAFT_AI_SDK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidParameters, match=missing):
        PumphouseSdk(url, token)


def test_an_address_without_scheme_is_refused() -> None:
    with pytest.raises(InvalidParameters, match="http://"):
        PumphouseSdk("localhost:8000", "sdk-token")


def test_one_access_token_serves_many_calls(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(PIPELINES, ok([]))
    sdk.list_pipelines()
    sdk.list_pipelines()
    assert platform.refreshes == 1
    assert [subject_of(request) for request in platform.asked(PIPELINES)] == ["access-1"] * 2


def test_an_access_token_is_renewed_before_it_expires(
    sdk: PumphouseSdk, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    for package in ("aio", "sync"):
        clock = f"pumphouse.sdk.{package}.authentication.monotonic"
        monkeypatch.setattr(clock, lambda: now)
    platform.on(PIPELINES, ok([]))
    sdk.list_pipelines()
    now = 3600 - 121
    sdk.list_pipelines()
    assert platform.refreshes == 1
    now = 3600 - 119
    sdk.list_pipelines()
    assert platform.refreshes == 2


def test_a_short_lived_access_token_serves_for_half_its_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    for package in ("aio", "sync"):
        clock = f"pumphouse.sdk.{package}.authentication.monotonic"
        monkeypatch.setattr(clock, lambda: now)
    platform = FakePlatform(life_s=60)
    platform.on(PIPELINES, ok([]))
    with PumphouseSdk("http://pump.test", "sdk-token", wire=platform) as sdk:
        sdk.list_pipelines()
        now = 29
        sdk.list_pipelines()
        assert platform.refreshes == 1
        now = 31
        sdk.list_pipelines()
        assert platform.refreshes == 2


def test_a_refused_access_token_is_replaced_once(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(PIPELINES, refused(401), ok([]))
    assert sdk.list_pipelines() == []
    assert [subject_of(request) for request in platform.asked(PIPELINES)] == [
        "access-1",
        "access-2",
    ]


def test_a_call_refused_twice_is_unauthorized(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(PIPELINES, refused(401))
    with pytest.raises(Unauthorized):
        sdk.list_pipelines()
    assert len(platform.asked(PIPELINES)) == 2


def test_a_wrong_sdk_token_is_unauthorized(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(REFRESH, refused(401, "This SDK token is not known."))
    with pytest.raises(Unauthorized, match="not known"):
        sdk.list_pipelines()
    assert platform.asked(PIPELINES) == []


@pytest.mark.parametrize("answer", [{}, {"access_token": "abc"}, {"access_token": "a.b!.c"}, []])
def test_an_address_that_gives_no_token_is_not_a_platform(
    sdk: PumphouseSdk, platform: FakePlatform, answer: object
) -> None:
    platform.on(REFRESH, ok(answer))
    with pytest.raises(SdkError, match="address of a Pumphouse"):
        sdk.list_pipelines()


@pytest.mark.parametrize(
    ("status_code", "kind"),
    [
        (400, InvalidParameters),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (418, SdkError),
        (500, SdkError),
        (501, NotSupported),
        (503, Unreachable),
    ],
)
def test_a_refusal_becomes_the_error_of_its_status(
    sdk: PumphouseSdk, platform: FakePlatform, status_code: int, kind: type[SdkError]
) -> None:
    details = {"limit": 5}
    platform.on(
        PIPELINES,
        refused(status_code, "Too bad.", name="Bad", request_id="r1", additional_data=details),
    )
    with pytest.raises(SdkError) as caught:
        sdk.list_pipelines()
    error = caught.value
    assert type(error) is kind
    assert (error.message, error.name, error.status_code) == ("Too bad.", "Bad", status_code)
    assert (error.request_id, error.additional_data) == ("r1", details)
    assert str(error) == "[Bad] Too bad.\nDetails: {'limit': 5}\nRequest: r1"


def test_a_feature_that_is_not_there_is_known_by_its_name(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(PIPELINES, refused(422, "There is no GPU.", name="NotSupported"))
    with pytest.raises(NotSupported, match="GPU"):
        sdk.list_pipelines()


def test_a_failed_execution_is_known_by_its_name(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(
        "GET /api/v1/executions/e1/outputs",
        refused(500, "ZeroDivisionError", name="PipelineExecutionFailed"),
    )
    with pytest.raises(ExecutionFailed, match="ZeroDivisionError"):
        sdk.retrieve_pipeline_execution_outputs("e1")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_an_error_page_of_something_else_still_says_where(
    sdk: PumphouseSdk, platform: FakePlatform, body: bytes
) -> None:
    platform.on(PIPELINES, httpx.Response(502, content=body))
    with pytest.raises(Unreachable, match=r"GET /api/v1/pipelines was answered 502 Bad Gateway"):
        sdk.list_pipelines()


def test_an_answer_that_is_not_json_names_the_address(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(PIPELINES, httpx.Response(200, content=b"<html>Welcome</html>"))
    with pytest.raises(SdkError, match=r"http://pump.test/api/v1/pipelines did not answer in JSON"):
        sdk.list_pipelines()


def test_no_answer_is_unreachable(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(PIPELINES, httpx.ConnectError("Connection refused"))
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        sdk.list_pipelines()
    assert caught.value.status_code is None
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_change_the_address_is_refused(
    sdk: PumphouseSdk, platform: FakePlatform, name: str
) -> None:
    with pytest.raises(InvalidParameters, match="is not a name"):
        sdk.delete_pipeline(name)
    assert platform.requests == []


def test_a_name_stays_one_part_of_the_address(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on("GET /api/v1/users/a%2Fb%3Fc%20d", ok({"id": "1", "name": "n", "email": "e"}))
    assert sdk.get_user("a/b?c d")["id"] == "1"


def test_who_am_i_keeps_to_what_is_documented(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    user = {"id": "u1", "name": "Ada", "email": "ada@pump.test"}
    platform.on("GET /api/v1/users/me", ok({**user, "role": "admin"}))
    assert sdk.who_am_i() == user


def test_the_client_goes_on_with_its_new_sdk_token(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on("POST /api/v1/users/me/sdk-token", ok({"sdk_token": "another-token"}))
    platform.on(PIPELINES, ok([]))
    assert sdk.regenerate_sdk_token() == {"sdk_token": "another-token"}
    sdk.list_pipelines()
    bought_with = [body_of(request)["refresh_token"] for request in platform.asked(REFRESH)]
    assert bought_with == ["sdk-token", "another-token"]
    assert subject_of(platform.asked(PIPELINES)[0]) == "access-2"
