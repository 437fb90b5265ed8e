"""What a scheduler has around it: a clock, a registry and a bus, all in the hand of the test."""

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChange, CatalogListed, Deployment
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Rule
from pumphouse.errors import Unavailable
from pumphouse.postgres import Pool
from pumphouse.scheduler.firing import Scheduler
from pumphouse.scheduler.queries import Ledger
from tests.unit.mapping.samples import NOON, a_deployment

MINUTE = timedelta(minutes=1)


def every(schedule: str = "* * * * *", **fields: Any) -> Deployment:
    """A periodic deployment with an id of its own."""
    fields = {"id": str(uuid.uuid4()), "updated_at": NOON, **fields}
    return a_deployment(rule=Rule.PERIODIC, schedule=schedule, **fields)


@dataclass
class FakeRegistry:
    """Lists everything it has been told, in order."""

    changes: list[CatalogChange] = field(default_factory=list)
    is_away: bool = False

    def tell(self, *deployments: Deployment) -> None:
        for deployment in deployments:
            self._add({"deployment": deployment})

    def delete(self, deployment: Deployment) -> None:
        self._add({"deleted_deployment_id": deployment.id})

    def _add(self, content: dict[str, Any]) -> None:
        self.changes.append(CatalogChange(revision=len(self.changes) + 1, **content))

    async def changes_after(self, revision: int) -> CatalogListed:
        if self.is_away:
            raise Unavailable("The registry does not answer.")
        return CatalogListed(revision=len(self.changes), changes=tuple(self.changes[revision:]))


@dataclass
class FakeBus:
    """Keeps what is published, unless it is away or stuck."""

    triggers: list[TriggerAccepted] = field(default_factory=list)
    is_away: bool = False
    is_stuck: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, message: Message, *, message_id: str | None = None) -> None:
        assert isinstance(message, TriggerAccepted)
        assert message_id == message.execution_id
        self.reached.set()
        if self.is_stuck:
            await asyncio.Event().wait()
        if self.is_away:
            raise Unavailable("The broker does not answer.")
        self.triggers.append(message)


@dataclass
class Stage:
    pool: Pool
    now: datetime = NOON
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    bus: FakeBus = field(default_factory=FakeBus)

    def scheduler(self, **options: Any) -> Scheduler:
        """Another scheduler process: its own catalog, everything else shared."""
        catalog = Catalog(self.registry)
        options = {"clock": lambda: self.now, **options}
        scheduler = Scheduler(catalog, Ledger(self.pool), self.bus, **options)
        catalog.listen(scheduler.hear)
        return scheduler

    async def ledger(self) -> list[asyncpg.Record]:
        return await self.pool.fetch(
            "select deployment_id::text, slot, execution_id::text, status, reason"
            " from scheduler.slots order by slot, deployment_id"
        )

    async def statuses(self) -> Counter[str]:
        return Counter(row["status"] for row in await self.ledger())

    @property
    def fired(self) -> list[str]:
        return [trigger.execution_id for trigger in self.bus.triggers]
