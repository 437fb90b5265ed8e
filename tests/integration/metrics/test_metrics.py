"""Metrics over HTTP."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from pumphouse.contracts.metrics import MetricPart
from pumphouse.contracts.records import ExecutionDiscarded
from pumphouse.errors import Unavailable
from pumphouse.gateway import metric_values
from pumphouse.registry.queries import Metrics
from tests.integration.metrics.conftest import LISTS, RESOURCES, SINGLE, Served

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_recorded_value_is_shown_with_the_names_it_belongs_to(served: Served) -> None:
    pipeline, deployment = await served.define()
    execution_id = await served.execution(pipeline, deployment_id=deployment.id)
    assert (await served.record(execution_id, "accuracy", 1)).status_code == 204
    assert (await served.record(execution_id, "accuracy", 0.75)).status_code == 204
    shown = await served.show(SINGLE, pipeline_name=pipeline.name)
    assert shown["total_count"] == 1
    [metric] = shown["metrics"]
    assert metric.pop("created_at").endswith("Z")
    assert metric == {
        "name": "accuracy",
        "value": 0.75,
        "execution_id": execution_id,
        "deployment_name": deployment.name,
        "pipeline_name": pipeline.name,
    }
    by_deployment = await served.show(SINGLE, deployment_name=deployment.name)
    assert [found["execution_id"] for found in by_deployment["metrics"]] == [execution_id]


async def test_a_list_keeps_its_order_over_many_requests(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_values, "VALUES_AT_ONCE", 7)
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    for batch in ([3.0, 2.0, 1.5], [1.25], [float(n) for n in range(20)]):
        assert (await served.extend(execution_id, "loss", batch)).status_code == 204
    await served.extend(execution_id, "other", [1, 2.5])
    shown = await served.show(LISTS, execution_id=execution_id)
    assert shown["total_count"] == 2
    assert [(metric["name"], metric["values"]) for metric in shown["metrics"]] == [
        ("loss", [3.0, 2.0, 1.5, 1.25, *(float(n) for n in range(20))]),
        ("other", [1.0, 2.5]),
    ]
    assert shown["metrics"][0]["pipeline_name"] == pipeline.name
    assert shown["metrics"][0]["deployment_name"] is None


async def test_an_answer_that_cannot_be_finished_is_no_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_values, "VALUES_AT_ONCE", 2)
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    await served.extend(execution_id, "loss", [1, 2, 3])
    read = Metrics.values

    async def read_once(self: Metrics, parts: Sequence[MetricPart]) -> list[tuple[float, ...]]:
        if parts[0].first:
            raise Unavailable("The database is away.")
        return await read(self, parts)

    monkeypatch.setattr(Metrics, "values", read_once)
    with pytest.raises(httpx.RemoteProtocolError):
        await served.show(LISTS, execution_id=execution_id)


async def test_a_batch_of_ten_thousand_values_fits_and_a_larger_one_is_refused(
    served: Served,
) -> None:
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    batch = [-1.2345678901234567e-123] * 10_000
    assert (await served.extend(execution_id, "loss", batch)).status_code == 204
    assert (await served.extend(execution_id, "loss", [*batch, 1])).status_code == 413
    [metric] = (await served.show(LISTS, execution_id=execution_id))["metrics"]
    assert metric["values"] == batch


@pytest.mark.parametrize(
    "name",
    ["a", "é 漢🙂", "a/b", "a//b", "a/", "100%", "a?b#c", "filters[name]", "x" * 255, "\ufffd"],
)
async def test_a_metric_may_have_almost_any_name(served: Served, name: str) -> None:
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    quoted = quote(name, safe="")
    assert (await served.record(execution_id, quoted, 1)).status_code == 204
    assert (await served.extend(execution_id, quoted, [1])).status_code == 204
    for address in (SINGLE, LISTS):
        [metric] = (await served.show(address, execution_id=execution_id))["metrics"]
        assert metric["name"] == name
        shown = await served.show(address, execution_id=execution_id, name=name)
        assert shown["total_count"] == 1


@pytest.mark.parametrize("quoted", ["%00", "a%0Ab", "x" * 256, "%7F"])
async def test_a_name_that_cannot_be_kept_is_refused(served: Served, quoted: str) -> None:
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    reply = await served.record(execution_id, quoted, 1)
    assert (reply.status_code, "metric name" in reply.json()["message"]) == (400, True)
    assert (await served.extend(execution_id, quoted, [1])).status_code == 400
    assert (await served.http.get(f"{SINGLE}?filters[name]={quoted}")).status_code == 400


@pytest.mark.parametrize(
    "path", ["single-value/%FF", "single-value%2Fm", "single-value/", "/single-value//"]
)
async def test_an_address_without_a_readable_name_is_refused(served: Served, path: str) -> None:
    reply = await served.http.put(f"/api/v1/metrics/{path}", json={})
    assert 400 <= reply.status_code < 500


VALUES = [b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"1"', b"null", b"true", b"[1]", b"9" * 400]


@pytest.mark.parametrize("value", VALUES)
async def test_what_is_no_number_is_refused(served: Served, value: bytes) -> None:
    pipeline, _ = await served.define()
    owner = (await served.execution(pipeline)).encode()
    body = b'{"value": %s, "execution_id": "%s"}' % (value, owner)
    assert (await served.http.put(f"{SINGLE}/m", content=body)).status_code == 400
    body = b'{"values": [1, %s], "execution_id": "%s"}' % (value, owner)
    assert (await served.http.post(f"{LISTS}/m", content=body)).status_code == 400
    assert (await served.show(LISTS, pipeline_name=pipeline.name))["total_count"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"nonsense", b'{"value": 1}', b'{"value": 1, "execution_id": 5}']
)
async def test_a_body_without_what_is_needed_is_refused(served: Served, body: bytes) -> None:
    assert (await served.http.put(f"{SINGLE}/m", content=body)).status_code == 400
    assert (await served.http.post(f"{LISTS}/m", content=body)).status_code == 400


@pytest.mark.parametrize("execution_id", ["nonsense", "f47ac10b-58cc-4372-a567-0e02b2c3d479"])
async def test_nothing_is_recorded_for_an_execution_that_does_not_exist(
    served: Served, execution_id: str
) -> None:
    assert (await served.record(execution_id, "m", 1)).status_code == 404
    assert (await served.extend(execution_id, "m", [1])).status_code == 404
    for address in (SINGLE, LISTS):
        shown = await served.show(address, execution_id=execution_id)
        assert shown == {"metrics": [], "total_count": 0}


@pytest.mark.parametrize("address", [SINGLE, LISTS])
async def test_filters_by_what_does_not_exist_find_nothing(served: Served, address: str) -> None:
    for filtered in ("pipeline_name", "deployment_name", "execution_id", "name"):
        shown = await served.show(address, **{filtered: "there-is-none"})
        assert shown == {"metrics": [], "total_count": 0}


@pytest.mark.parametrize("address", [SINGLE, LISTS])
async def test_two_owners_at_once_are_refused(served: Served, address: str) -> None:
    reply = await served.http.get(f"{address}?filters[pipeline_name]=a&filters[deployment_name]=b")
    assert reply.status_code == 400
    assert "filters[pipeline_name], filters[deployment_name]" in reply.json()["message"]


@pytest.mark.parametrize("address", [SINGLE, LISTS])
async def test_pages_are_counted_from_one_and_those_after_the_last_refused(
    served: Served, address: str
) -> None:
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    for number in range(5):
        await served.record(execution_id, f"m{number}", number)
        await served.extend(execution_id, f"m{number}", [number])

    async def page(number: int) -> dict[str, Any]:
        return await served.show(
            address, pipeline_name=pipeline.name, page=number, items_per_page=2
        )

    pages = [await page(number) for number in (1, 2, 3)]
    assert [found["total_count"] for found in pages] == [5, 5, 5]
    names = [metric["name"] for found in pages for metric in found["metrics"]]
    assert names == ["m0", "m1", "m2", "m3", "m4"]
    params = {"filters[pipeline_name]": pipeline.name, "page": "4", "items_per_page": "2"}
    assert (await served.http.get(address, params=params)).status_code == 404


@pytest.mark.parametrize("address", [SINGLE, LISTS])
@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=-1", "page=x", "page=", "page=1.5", "page=%D9%A1"),
        *("page=9999999999999999999", "page=1000000001"),
        *("items_per_page=0", "items_per_page=5001", "items_per_page=1_0"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(served: Served, address: str, query: str) -> None:
    reply = await served.http.get(f"{address}?{query}")
    assert reply.status_code == 400
    assert "must be a whole number" in reply.json()["message"]


async def test_metrics_go_with_their_execution(served: Served) -> None:
    pipeline, _ = await served.define()
    execution_id = await served.execution(pipeline)
    await served.record(execution_id, "m", 1)
    await served.bus.request(ExecutionDiscarded(execution_id=execution_id))
    assert (await served.show(SINGLE, pipeline_name=pipeline.name))["total_count"] == 0


async def test_nobody_sees_metrics_without_a_token(served: Served) -> None:
    stranger = {"Authorization": ""}
    for address in (SINGLE, LISTS, f"{RESOURCES}?start=0&end=1"):
        assert (await served.http.get(address, headers=stranger)).status_code == 401
    reply = await served.http.put(f"{SINGLE}/m", headers=stranger, json={})
    assert reply.status_code == 401
