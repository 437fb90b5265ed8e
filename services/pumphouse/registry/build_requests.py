"""Asking executors for the environments of new pipelines, each at least once."""

from pumphouse.bus import Bus
from pumphouse.registry.outbox import AT_ONCE, Outbox
from pumphouse.registry.queries import Builds


def build_requests(builds: Builds, bus: Bus) -> Outbox:
    async def ask() -> None:
        is_full = True
        while is_full:
            async with builds.requesting(AT_ONCE) as wishes:
                for wish in wishes:
                    await bus.publish(wish)
            is_full = len(wishes) == AT_ONCE

    return Outbox("requests for environments", ask)
