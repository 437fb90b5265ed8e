"""Announcing catalog changes in order, each at least once: the log of changes is the outbox."""

from pumphouse.bus import Bus
from pumphouse.contracts.catalog import CatalogChanged
from pumphouse.registry.outbox import AT_ONCE, Outbox
from pumphouse.registry.queries import CatalogLog


def announcer(catalog: CatalogLog, bus: Bus) -> Outbox:
    async def announce() -> None:
        while await catalog.lags():
            async with catalog.announcing(AT_ONCE) as changes:
                if changes:
                    await bus.publish(CatalogChanged(changes=tuple(changes)))

    return Outbox("catalog changes", announce)
