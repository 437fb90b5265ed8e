"""Lists of metrics, written while their values are fetched."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.bus import Bus
from pumphouse.bus.memory import MemoryBus
from pumphouse.bus.topology import REGISTRY_REQUESTS
from pumphouse.contracts.metrics import MetricList, MetricValuesListed, MetricValuesQueried
from pumphouse.gateway import metric_values
from pumphouse.gateway.metric_values import batches, written
from pumphouse.gateway.metric_views import MetricHead

Values = dict[int, list[float]]


def listed(identifier: int, length: int) -> MetricList:
    return MetricList(
        id=identifier,
        name=f"m{identifier}",
        length=length,
        created_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        execution_id="e",
        pipeline_id="p",
    )


@given(st.lists(st.integers(1, 30), max_size=8), st.integers(1, 20))
def test_batches_have_every_value_once_and_in_order(lengths: list[int], most: int) -> None:
    lists = [listed(identifier, length) for identifier, length in enumerate(lengths)]
    found = list(batches(lists, most))
    sizes = [sum(part.count for part in parts) for parts in found]
    assert all(size == most for size in sizes[:-1])
    assert all(0 < size <= most for size in sizes)
    places = [
        (part.list_id, part.first + at)
        for parts in found
        for part in parts
        for at in range(part.count)
    ]
    assert places == [(one.id, at) for one in lists for at in range(one.length)]


async def page_of(values: Values, lists: list[MetricList]) -> Any:
    """What is written of `lists` when the registry has `values`."""
    bus: Bus = MemoryBus()

    async def answer(request: MetricValuesQueried) -> MetricValuesListed:
        return MetricValuesListed(
            values=tuple(
                tuple(values.get(part.list_id, ())[part.first : part.first + part.count])
                for part in request.parts
            )
        )

    await bus.serve(REGISTRY_REQUESTS, {MetricValuesQueried: answer})
    heads = [
        MetricHead(
            name=one.name,
            created_at=one.created_at,
            execution_id=one.execution_id,
            deployment_name=None,
            pipeline_name="p",
        )
        for one in lists
    ]
    pieces = [piece async for piece in written(bus, 7, list(zip(heads, lists, strict=True)))]
    await bus.close()
    return json.loads(b"".join(pieces))


@pytest.mark.parametrize(
    ("values", "lengths"),
    [
        ({}, {}),
        ({1: [1.5]}, {1: 1}),
        ({1: [1.0, 2.0, 3.0, 4.0, 5.0], 2: [6.0], 3: [7.0, 8.0]}, {1: 5, 2: 1, 3: 2}),
        ({2: [6.0]}, {1: 5, 2: 1}),
        ({1: [1.0, 2.0]}, {1: 5, 2: 1}),
        ({}, {1: 1, 2: 9}),
    ],
)
async def test_a_page_is_json_also_where_values_are_gone(
    values: Values, lengths: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_values, "VALUES_AT_ONCE", 2)
    lists = [listed(identifier, length) for identifier, length in lengths.items()]
    page = await page_of(values, lists)
    shown = [(one["name"], one["pipeline_name"], one["values"]) for one in page["metrics"]]
    assert page["total_count"] == 7
    assert shown == [(one.name, "p", values.get(one.id, [])) for one in lists]
