import asyncio
from typing import Any

import pytest

from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChange, CatalogListed, Variable
from pumphouse.errors import NotFound, Unavailable
from tests.unit.mapping.samples import DEPLOYMENT_ID, PIPELINE_ID, a_deployment, a_pipeline


class FakeRegistry:
    """Has changes 1 to n; answers once `gate` is open; counts the questions."""

    def __init__(self) -> None:
        self.changes: list[CatalogChange] = []
        self.asked: list[int] = []
        self.was_asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[Exception] = []

    def store(self, **content: Any) -> CatalogChange:
        change = CatalogChange(revision=len(self.changes) + 1, **content)
        self.changes.append(change)
        return change

    def store_variable(self, name: str, sealed: str = "x") -> CatalogChange:
        return self.store(variable=Variable(name=name, sealed=sealed))

    async def changes_after(self, revision: int) -> CatalogListed:
        self.asked.append(revision)
        self.was_asked.set()
        listed = CatalogListed(revision=len(self.changes), changes=tuple(self.changes[revision:]))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        return listed


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def catalog(registry: FakeRegistry) -> Catalog:
    return Catalog(registry)


async def test_definitions_are_found_by_id_and_name(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    pipeline, deployment = a_pipeline(), a_deployment(endpoint_url_path="sum")
    registry.store(pipeline=pipeline)
    registry.store(deployment=deployment)
    await catalog.refresh()
    assert catalog.revision == 2
    assert catalog.pipeline("add") is catalog.pipelines[PIPELINE_ID]
    assert catalog.deployment("adding") == catalog.endpoint("sum") == deployment
    assert catalog.deployments_of(PIPELINE_ID) == [deployment]
    assert catalog.deployments_of("another") == []


async def test_what_is_not_there_is_named(catalog: Catalog) -> None:
    for look_up in (catalog.pipeline, catalog.deployment, catalog.endpoint):
        with pytest.raises(NotFound, match="'nobody'"):
            look_up("nobody")


async def test_what_is_deleted_is_gone_under_every_name(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store(pipeline=a_pipeline())
    registry.store(deployment=a_deployment(endpoint_url_path="sum"))
    registry.store_variable("RATE")
    await catalog.refresh()
    registry.store(deleted_deployment_id=DEPLOYMENT_ID)
    registry.store(deleted_pipeline_id=PIPELINE_ID)
    registry.store(deleted_variable="RATE")
    await catalog.refresh()
    assert not catalog.pipelines
    assert not catalog.deployments
    assert not catalog.variables
    for look_up, name in (
        (catalog.pipeline, "add"),
        (catalog.deployment, "adding"),
        (catalog.endpoint, "sum"),
    ):
        with pytest.raises(NotFound):
            look_up(name)


async def test_a_name_used_again_stays_with_its_new_owner(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    newer = a_deployment(id="newer", endpoint_url_path="sum")
    registry.store(deployment=a_deployment(endpoint_url_path="sum"))
    registry.store(deployment=newer)
    registry.store(deleted_deployment_id=DEPLOYMENT_ID)
    registry.store(pipeline=a_pipeline())
    registry.store(pipeline=a_pipeline(id="newer"))
    registry.store(deleted_pipeline_id=PIPELINE_ID)
    await catalog.refresh()
    assert catalog.deployment("adding") == catalog.endpoint("sum") == newer
    assert catalog.pipeline("add").id == "newer"


async def test_an_endpoint_that_moves_leaves_its_old_path(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store(deployment=a_deployment(endpoint_url_path="old"))
    registry.store(deployment=a_deployment(endpoint_url_path="new"))
    await catalog.refresh()
    assert catalog.endpoint("new").id == DEPLOYMENT_ID
    with pytest.raises(NotFound):
        catalog.endpoint("old")


async def test_an_announcement_that_follows_on_is_taken_without_asking(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    await catalog.follow((registry.store_variable("A"), registry.store_variable("B")))
    assert list(catalog.variables) == ["A", "B"]
    assert catalog.revision == 2
    assert registry.asked == []


async def test_a_gap_is_filled_before_an_announcement_is_taken(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store_variable("A")
    registry.store_variable("B")
    await catalog.follow((registry.store_variable("C"),))
    assert list(catalog.variables) == ["A", "B", "C"]
    assert registry.asked == [0]


async def test_a_change_announced_twice_is_taken_once(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    heard: list[int] = []
    catalog.listen(lambda change: heard.append(change.revision))
    changes = (registry.store_variable("A", "old"), registry.store_variable("A", "new"))
    await catalog.follow(changes)
    await catalog.follow(changes[:1])
    await catalog.apply(CatalogListed(revision=2, changes=changes))
    assert catalog.variables["A"].sealed == "new"
    assert heard == [1, 2]


async def test_an_announcement_that_overlaps_is_taken_from_where_it_is_new(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    changes = tuple(registry.store_variable(name) for name in "ABC")
    await catalog.follow(changes[:2])
    await catalog.follow(changes)
    assert catalog.revision == 3


async def test_a_whole_list_forgets_what_it_does_not_name(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store(pipeline=a_pipeline())
    registry.store(deployment=a_deployment())
    registry.store_variable("OLD")
    await catalog.refresh()
    forgotten: list[CatalogChange] = []
    catalog.listen(forgotten.append)
    kept = CatalogChange(revision=5, variable=Variable(name="NEW", sealed="x"))
    await catalog.apply(CatalogListed(revision=9, is_whole=True, changes=(kept,)))
    assert list(catalog.variables) == ["NEW"]
    assert not catalog.pipelines
    assert not catalog.deployments
    assert catalog.revision == 9
    assert {change.deleted_deployment_id for change in forgotten} >= {DEPLOYMENT_ID}


async def test_a_list_older_than_the_copy_changes_nothing(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    stale = CatalogListed(revision=1, is_whole=True, changes=(registry.store_variable("A", "old"),))
    registry.store_variable("A", "new")
    registry.store_variable("B")
    await catalog.refresh()
    await catalog.apply(stale)
    assert catalog.revision == 3
    assert catalog.variables["A"].sealed == "new"
    assert "B" in catalog.variables


async def test_callers_that_meet_share_a_fetch_that_began_after_they_called(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.gate.clear()
    first = asyncio.create_task(catalog.refresh())
    await registry.was_asked.wait()
    registry.store_variable("A")
    later = [asyncio.create_task(catalog.refresh()) for _ in range(5)]
    await asyncio.sleep(0)
    registry.gate.set()
    await asyncio.gather(first, *later)
    assert "A" in catalog.variables
    assert len(registry.asked) == 2


async def test_a_fetch_that_fails_does_not_spoil_the_next(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.failures.append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await catalog.refresh()
    registry.store_variable("A")
    await catalog.refresh()
    assert "A" in catalog.variables


async def test_a_caller_that_gives_up_leaves_the_fetch_to_the_others(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store_variable("A")
    registry.gate.clear()
    impatient, patient = (asyncio.create_task(catalog.refresh()) for _ in range(2))
    await registry.was_asked.wait()
    impatient.cancel()
    registry.gate.set()
    await patient
    assert impatient.cancelled()
    assert "A" in catalog.variables


async def test_at_least_asks_only_when_it_is_behind(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    registry.store_variable("A")
    await catalog.at_least(1)
    await catalog.at_least(1)
    await catalog.at_least(0)
    assert registry.asked == [0]


async def test_a_revision_that_nobody_knows_is_unavailable(catalog: Catalog) -> None:
    with pytest.raises(Unavailable, match="revision 5"):
        await catalog.at_least(5)


async def test_until_returns_as_soon_as_a_change_brings_it_about(
    registry: FakeRegistry, catalog: Catalog
) -> None:
    waiting = asyncio.create_task(catalog.until(lambda: "B" in catalog.variables, timeout=60))
    await catalog.follow((registry.store_variable("A"),))
    await asyncio.sleep(0)
    assert not waiting.done()
    await catalog.follow((registry.store_variable("B"),))
    assert await waiting


async def test_until_gives_up_in_time_and_holds_at_once(catalog: Catalog) -> None:
    assert await catalog.until(lambda: True, timeout=0.01)
    assert not await catalog.until(lambda: False, timeout=0.01)
