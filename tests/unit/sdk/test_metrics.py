"""Recording metrics from inside and outside of executions, and reading them."""

import sys
import warnings
from contextvars import ContextVar
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import httpx
import pytest

from pumphouse.sdk import InvalidParameters, PumphouseSdk
from tests.unit.sdk import driven
from tests.unit.sdk.fake_platform import FakePlatform, body_of, ok

RECORD = "PUT /api/v1/metrics/single-value/accuracy"
EXTEND = "POST /api/v1/metrics/list-values/loss"
VALUES = "GET /api/v1/metrics/single-value"
LISTS = "GET /api/v1/metrics/list-values"
RESOURCES = "GET /api/v1/resource-metrics"
WORKERS = "GET /api/v1/workers"

NO_CONTENT = httpx.Response(204)


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRAFT_AI_EXECUTION_ID", raising=False)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the execution that the code runs in."""
    monkeypatch.setenv("CRAFT_AI_EXECUTION_ID", "an-execution")
    return "an-execution"


def test_a_number_is_recorded_for_the_execution_that_the_code_runs_in(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str
) -> None:
    platform.on(RECORD, NO_CONTENT)
    assert sdk.record_metric_value("accuracy", 0.75) is True
    assert body_of(platform.asked(RECORD)[0]) == {"value": 0.75, "execution_id": inside}


def test_executions_side_by_side_are_told_apart(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = ModuleType("__craft_internal_execution_context")
    context.current_execution_id = ContextVar[str]("current_execution_id")
    monkeypatch.setitem(sys.modules, context.__name__, context)
    platform.on(RECORD, NO_CONTENT)
    sdk.record_metric_value("accuracy", 1)
    context.current_execution_id.set("one-of-several")
    sdk.record_metric_value("accuracy", 1)
    owners = [body_of(request)["execution_id"] for request in platform.asked(RECORD)]
    assert owners == [inside, "one-of-several"]


def test_a_number_can_be_recorded_for_another_execution(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str
) -> None:
    platform.on(RECORD, NO_CONTENT)
    platform.on(EXTEND, NO_CONTENT)
    assert sdk.record_metric_value("accuracy", 1, execution_id="other") is True
    assert sdk.record_list_metric_values("loss", [1], execution_id="other") is True
    sent = [body_of(platform.asked(route)[0])["execution_id"] for route in (RECORD, EXTEND)]
    assert sent == ["other", "other"]


def test_outside_of_an_execution_nothing_is_sent(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    with pytest.warns(UserWarning, match="'accuracy' is not sent") as warned:
        assert sdk.record_metric_value("accuracy", 1.0) is False
    assert warned[0].filename in (__file__, driven.__file__)
    with pytest.warns(UserWarning, match="'loss' is not sent"):
        assert sdk.record_list_metric_values("loss", [1.0]) is False
    assert platform.requests == []


def test_long_lists_are_sent_in_batches_and_in_order(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str
) -> None:
    platform.on(EXTEND, NO_CONTENT)
    assert sdk.record_list_metric_values("loss", [float(n) for n in range(20_001)]) is True
    batches = [body_of(request)["values"] for request in platform.asked(EXTEND)]
    assert [len(batch) for batch in batches] == [10_000, 10_000, 1]
    assert [number for batch in batches for number in batch] == [float(n) for n in range(20_001)]


@pytest.mark.parametrize(("values", "sent"), [(2.5, [[2.5]]), ((1, 2), [[1, 2]]), ([], [])])
def test_one_number_is_a_list_and_none_are_not_sent(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str, values: Any, sent: list[list[float]]
) -> None:
    platform.on(EXTEND, NO_CONTENT)
    assert sdk.record_list_metric_values("loss", values) is True
    assert [body_of(request)["values"] for request in platform.asked(EXTEND)] == sent


@pytest.mark.parametrize("number", [float("nan"), float("inf"), b"1"])
def test_what_is_no_number_is_refused_before_anything_is_sent(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str, number: Any
) -> None:
    with pytest.raises(InvalidParameters, match="'accuracy'"):
        sdk.record_metric_value("accuracy", number)
    with pytest.raises(InvalidParameters, match="'loss'"):
        sdk.record_list_metric_values("loss", [*[1.0] * 10_000, number])
    assert platform.requests == []


def test_filters_and_pages_are_asked_for(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    full, rest = [{"name": "m"}] * 5_000, [{"name": "m"}] * 2
    for route in (VALUES, LISTS):
        pages = [ok({"metrics": page, "total_count": 5_002}) for page in (full, rest)]
        platform.on(route, *pages)
    assert len(sdk.get_metrics(name="m", pipeline_name="p")) == 5_002
    assert len(sdk.get_list_metrics(deployment_name="d")) == 5_002
    asked = [dict(request.url.params) for request in platform.asked(VALUES)]
    wanted = {"filters[name]": "m", "filters[pipeline_name]": "p", "items_per_page": "5000"}
    assert asked == [{**wanted, "page": "1"}, {**wanted, "page": "2"}]
    assert [
        request.url.params["filters[deployment_name]"] for request in platform.asked(LISTS)
    ] == [
        "d",
        "d",
    ]


def test_a_list_that_shrinks_while_it_is_read_ends(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    platform.on(VALUES, ok({"metrics": [], "total_count": 3}))
    assert sdk.get_metrics(execution_id="e") == []
    assert len(platform.asked(VALUES)) == 1


def test_the_use_of_the_platform_is_asked_for_in_milliseconds(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    shown: Any = {"additional_data": {"total_disk": 1, "total_ram": 2}, "metrics": {}}
    platform.on(RESOURCES, ok(shown))
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 1, 500_000, UTC)
    assert sdk.get_resource_metrics(start, end) == shown
    [request] = platform.asked(RESOURCES)
    assert dict(request.url.params) == {
        "start": "1767225600000",
        "end": "1767225601500",
        "download": "False",
    }


def test_the_use_of_the_platform_comes_as_a_file(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    file = httpx.Response(200, content=b"worker\n", headers={"Content-Type": "text/csv"})
    platform.on(RESOURCES, file)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert sdk.get_resource_metrics(moment, moment, csv=True) == b"worker\n"


def test_a_period_must_be_of_datetimes(sdk: PumphouseSdk) -> None:
    with pytest.raises(InvalidParameters, match="'end_date'"):
        sdk.get_resource_metrics(datetime(2026, 1, 1, tzinfo=UTC), 5)  # type: ignore[call-overload]


def test_no_warning_inside_of_an_execution(
    sdk: PumphouseSdk, platform: FakePlatform, inside: str
) -> None:
    platform.on(RECORD, NO_CONTENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sdk.record_metric_value("accuracy", 1) is True


def test_workers_are_listed_as_the_platform_shows_them(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    shown = [{"worker": "host-1-4711", "isolation": 2, "missing": [], "slots": 4}]
    platform.on(WORKERS, ok(shown))
    assert sdk.list_workers() == shown
