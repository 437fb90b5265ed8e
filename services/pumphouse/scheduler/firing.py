"""The loop that sleeps until a slot is due, claims it and publishes its trigger."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import CatalogChange, Deployment
from pumphouse.contracts.executions import TriggerAccepted
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import Origin, Rule
from pumphouse.errors import PumphouseError
from pumphouse.scheduler.domain import Agenda, agenda, periodic
from pumphouse.scheduler.queries import Claim, Ledger

logger = logging.getLogger(__name__)

_AT_ONCE = datetime.min.replace(tzinfo=UTC)


class Publisher(Protocol):
    """What the scheduler needs of a bus."""

    async def publish(self, message: Message, *, message_id: str | None = None) -> None: ...


class Scheduler:
    """Fires each slot of each enabled periodic deployment once, however many of these run.

    clock: the wall clock, with its zone; it may step. misfire_grace: age up to which a slot that
    was missed still fires. retention: how long the ledger keeps a slot. takeover: how long a
    claimed slot may stay unpublished before another scheduler publishes it; longer than any
    publish takes. look_s: the longest sleep, so that a step of the clock is noticed.
    """

    def __init__(
        self,
        catalog: Catalog,
        ledger: Ledger,
        bus: Publisher,
        *,
        clock: Callable[[], datetime],
        misfire_grace: timedelta = timedelta(seconds=60),
        retention: timedelta = timedelta(days=30),
        takeover: timedelta = timedelta(seconds=30),
        look_s: float = 5,
        retry_s: float = 1,
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._bus = bus
        self._clock = clock
        self._misfire_grace = misfire_grace
        self._retention = retention
        self._takeover = takeover
        self._look_s = look_s
        self._retry_s = retry_s
        self._handled: dict[str, datetime] = {}
        self._next_due = _AT_ONCE
        self._next_upkeep_s = 0.0
        self._woken = asyncio.Event()
        self.is_stopping = False

    def hear(self, change: CatalogChange) -> None:
        """Look again when a change may concern a schedule."""
        is_periodic = change.deployment is not None and change.deployment.rule is Rule.PERIODIC
        if is_periodic or change.deleted_deployment_id is not None:
            self._woken.set()

    def stop(self) -> None:
        """Make `run` return after what it has in hand."""
        self.is_stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Fire what becomes due until `stop`; while a server is away, keep trying."""
        while not self.is_stopping:
            try:
                await self._work()
                pause_s = self._until_next_s()
            except PumphouseError as error:
                logger.warning("Schedules are tried again soon: %s", error.message)
                pause_s = self._retry_s
            if not self.is_stopping:
                await self._sleep(pause_s)

    async def fire_due(self) -> None:
        """Claim every slot that is due and publish the triggers of those that were won."""
        self._woken.clear()
        self._next_due = _AT_ONCE
        if self._catalog.revision == 0:
            await self._catalog.refresh()
        found = await self._look()
        if found.due:
            await self._catalog.refresh()
            found = await self._look()
        if found.due:
            claims = await self._ledger.claim(found.due)
            for slot in found.due:
                self._handled[slot.deployment_id] = slot.at
            await self._publish(claims)
        self._next_due = found.next_due

    async def take_over(self) -> None:
        """Publish slots that somebody claimed and never published, under their execution ids."""
        if claims := await self._ledger.reclaim(self._takeover):
            await self._catalog.refresh()
            await self._publish(claims)

    async def forget_old(self) -> None:
        """Drop slots from the ledger that are older than its retention."""
        await self._ledger.forget_before(self._clock() - self._retention)

    async def _work(self) -> None:
        if self._woken.is_set() or self._clock() >= self._next_due:
            await self.fire_due()
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_upkeep_s:
            await self.take_over()
            await self.forget_old()
            self._next_upkeep_s = now_s + self._takeover.total_seconds() / 2

    async def _look(self) -> Agenda:
        deployments = periodic(self._catalog.deployments.values())
        known = {d.id: self._handled[d.id] for d in deployments if d.id in self._handled}
        if strangers := [d.id for d in deployments if d.id not in known]:
            entered = await self._ledger.last_slots(strangers)
            known |= {identifier: entered.get(identifier, _AT_ONCE) for identifier in strangers}
        self._handled = known
        return await asyncio.to_thread(
            agenda, deployments, known, self._clock(), self._misfire_grace
        )

    async def _publish(self, claims: Sequence[Claim]) -> None:
        live: list[tuple[Claim, Deployment]] = []
        refused: list[Claim] = []
        for claim in claims:
            deployment = self._catalog.deployments.get(claim.deployment_id)
            if deployment is None or not deployment.is_enabled:
                refused.append(claim)
            else:
                live.append((claim, deployment))
        failures = await asyncio.gather(*(self._publish_one(*pair) for pair in live))
        refusals = [failure for failure in failures if failure is not None]
        if refusals:
            logger.warning("%d slots are published later: %s", len(refusals), refusals[0].message)
        published = [pair[0] for pair, failure in zip(live, failures, strict=True) if not failure]
        if published:
            await self._ledger.mark_published(published)
        if refused:
            await self._ledger.mark_skipped(refused, "deleted or disabled before it was published")

    async def _publish_one(self, claim: Claim, deployment: Deployment) -> PumphouseError | None:
        trigger = TriggerAccepted(
            execution_id=claim.execution_id,
            origin=Origin.SCHEDULE,
            pipeline_id=deployment.pipeline_id,
            deployment_id=deployment.id,
            mapping=deployment.mapping,
            accepted_at=self._clock(),
            accepted_by=deployment.created_by,
            catalog_revision=self._catalog.revision,
        )
        try:
            await self._bus.publish(trigger, message_id=claim.execution_id)
        except PumphouseError as error:
            return error
        return None

    def _until_next_s(self) -> float:
        until_s = (self._next_due - self._clock()).total_seconds()
        return min(max(until_s, 0), self._look_s)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
