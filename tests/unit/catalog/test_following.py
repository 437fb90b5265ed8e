import pytest

from pumphouse.bus.memory import MemoryBus
from pumphouse.bus.topology import REGISTRY_REQUESTS
from pumphouse.catalog import following
from pumphouse.contracts.catalog import (
    CatalogChange,
    CatalogChanged,
    CatalogListed,
    CatalogRequested,
    Variable,
)
from pumphouse.errors import Unavailable


def change(revision: int) -> CatalogChange:
    return CatalogChange(revision=revision, variable=Variable(name=f"V{revision}", sealed="x"))


async def serve(bus: MemoryBus, changes: list[CatalogChange], *, refusals: int = 0) -> None:
    refusing = iter(range(refusals))

    async def listed(request: CatalogRequested) -> CatalogListed:
        if next(refusing, None) is not None:
            raise Unavailable("starting")
        return CatalogListed(revision=len(changes), changes=tuple(changes[request.after :]))

    await bus.serve(REGISTRY_REQUESTS, {CatalogRequested: listed})


async def test_every_follower_hears_every_change() -> None:
    bus = MemoryBus()
    async with following(bus) as one, following(bus) as another:
        await bus.publish(CatalogChanged(changes=(change(1),)))
        assert await one.until(lambda: "V1" in one.variables, timeout=60)
        assert await another.until(lambda: "V1" in another.variables, timeout=60)
    await bus.close()


async def test_an_announcement_after_lost_ones_brings_them_too() -> None:
    bus = MemoryBus()
    changes = [change(1), change(2)]
    await serve(bus, changes)
    async with following(bus) as catalog:
        await bus.publish(CatalogChanged(changes=(changes[1],)))
        assert await catalog.until(lambda: len(catalog.variables) == 2, timeout=60)
    await bus.close()


async def test_a_lost_announcement_shows_after_a_while_though_the_registry_was_away() -> None:
    bus = MemoryBus()
    await serve(bus, [change(1)], refusals=2)
    async with following(bus, refresh_every_s=0.01) as catalog:
        assert await catalog.until(lambda: "V1" in catalog.variables, timeout=60)
    await bus.close()


async def test_a_refresh_without_registry_is_unavailable() -> None:
    bus = MemoryBus()
    async with following(bus) as catalog:
        with pytest.raises(Unavailable):
            await catalog.refresh()
    await bus.close()
