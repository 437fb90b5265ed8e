import pytest

from pumphouse.bus import Binding
from pumphouse.bus.topology import (
    CATALOG,
    EXCHANGES,
    REQUESTS,
    STATIC_QUEUES,
    elastic_partition,
    elastic_queue,
    exchange_of,
    is_announcement,
    pod_partition,
    pod_queue,
    routing_key,
)
from pumphouse.contracts.catalog import CatalogChanged, CatalogRequested
from pumphouse.contracts.executions import PlanResolved, TriggerAccepted
from pumphouse.contracts.pods import PodRequested


def test_the_tag_is_the_routing_key_and_a_partition_follows_it() -> None:
    assert routing_key(PlanResolved) == "plan.resolved.v1"
    assert routing_key(PlanResolved, "elastic.3") == "plan.resolved.v1.elastic.3"


def test_a_binding_takes_one_partition_or_all() -> None:
    every, one = Binding(kind=PlanResolved), Binding(kind=PlanResolved, partition="elastic.3")
    assert (every.pattern, one.pattern) == ("plan.resolved.v1.#", "plan.resolved.v1.elastic.3")
    assert every.takes(PlanResolved, "")
    assert every.takes(PlanResolved, "elastic.4")
    assert one.takes(PlanResolved, "elastic.3")
    assert not one.takes(PlanResolved, "elastic.4")
    assert not every.takes(TriggerAccepted, "")


def test_requests_share_an_exchange_and_events_have_that_of_their_noun() -> None:
    assert exchange_of(CatalogRequested) == REQUESTS
    assert exchange_of(CatalogChanged) == CATALOG


def test_only_announcements_may_be_unheard() -> None:
    assert is_announcement(CatalogChanged)
    assert not is_announcement(TriggerAccepted)


def test_the_static_queues_have_names_of_their_own_and_known_exchanges() -> None:
    names = [queue.name for queue in STATIC_QUEUES]
    assert len(set(names)) == len(names)
    assert {b.exchange for queue in STATIC_QUEUES for b in queue.bindings} <= set(EXCHANGES)


@pytest.mark.parametrize("key", ["", "a", "018f2c1e-0000-7000-8000-000000000000"])
def test_every_plan_has_exactly_one_queue(key: str) -> None:
    partition = elastic_partition(key)
    takers = [
        queue.name
        for queue in (*(elastic_queue(shard) for shard in range(8)), pod_queue("d"))
        if any(binding.takes(PlanResolved, partition) for binding in queue.bindings)
    ]
    assert takers == [f"plans.{partition}"]


def test_the_queue_of_a_pod_takes_its_plans_and_its_wishes() -> None:
    queue = pod_queue("d")
    assert queue.is_single_active
    for kind in (PlanResolved, PodRequested):
        assert any(binding.takes(kind, pod_partition("d")) for binding in queue.bindings)
        assert not any(binding.takes(kind, pod_partition("e")) for binding in queue.bindings)


@pytest.mark.parametrize("at_once", [1, 6, 1000])
def test_an_executor_holds_all_that_a_pod_runs_at_once_and_some_more(at_once: int) -> None:
    assert pod_queue("d", at_once).prefetch > at_once
    assert pod_queue("d", at_once).name == pod_queue("d").name
