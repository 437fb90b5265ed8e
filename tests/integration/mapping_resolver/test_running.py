"""The mapping-resolver on both transports, beside a registry of a few lines."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uuid_utils

from pumphouse.bus import Binding, Bus, Envelope, Queue, open_bus
from pumphouse.bus.topology import (
    REGISTRY_EVENTS,
    REGISTRY_REQUESTS,
    STATIC_QUEUES,
    elastic_partition,
    elastic_queue,
)
from pumphouse.contracts.catalog import CatalogChange, CatalogListed, CatalogRequested
from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlanResolved,
    TriggerAccepted,
    TriggerRefused,
    TriggerRequested,
)
from pumphouse.contracts.mappings import EndpointValue, InputMapping, Mapping
from pumphouse.contracts.vocabulary import Origin, Status
from pumphouse.mapping_resolver.app import running
from pumphouse.mapping_resolver.settings import Settings
from tests.unit.mapping.samples import DEPLOYMENT_ID, a_deployment, a_pipeline, an_input

MAPPING = Mapping(inputs=(InputMapping(input="a", source=EndpointValue(name="amount")),))
CATALOG = (
    CatalogChange(revision=1, pipeline=a_pipeline(an_input("a", is_required=True))),
    CatalogChange(revision=2, deployment=a_deployment(MAPPING)),
)

DEAD_WISHES = Queue(
    name="test.dead-wishes", bindings=(Binding(kind=TriggerRequested),), takes_dead=True
)


@dataclass
class Surroundings:
    """Registry and executor: what they were told, in order."""

    bus: Bus
    events: asyncio.Queue[tuple[Any, Envelope]] = field(default_factory=asyncio.Queue)
    plans: asyncio.Queue[tuple[PlanResolved, Envelope]] = field(default_factory=asyncio.Queue)

    dead: asyncio.Queue[TriggerRequested] = field(default_factory=asyncio.Queue)

    async def open(self) -> None:
        for queue in STATIC_QUEUES:
            await self.bus.declare(queue)
        await self.bus.serve(REGISTRY_REQUESTS, {CatalogRequested: self._listed})
        await self.bus.consume(
            REGISTRY_EVENTS, {TriggerAccepted: self._event, ExecutionFinished: self._event}
        )
        await self.bus.consume(DEAD_WISHES, {TriggerRequested: self._dead})
        partition = elastic_partition(DEPLOYMENT_ID)
        shard = elastic_queue(int(partition.rpartition(".")[2]))
        await self.bus.consume(shard, {PlanResolved: self._plan})

    async def _listed(self, request: CatalogRequested) -> CatalogListed:
        return CatalogListed(revision=len(CATALOG), changes=CATALOG[request.after :])

    async def _event(self, message: Any, envelope: Envelope) -> None:
        self.events.put_nowait((message, envelope))

    async def _dead(self, wish: TriggerRequested, _: Envelope) -> None:
        self.dead.put_nowait(wish)

    async def _plan(self, plan: PlanResolved, envelope: Envelope) -> None:
        self.plans.put_nowait((plan, envelope))


@pytest.fixture(params=["memory", "rabbit"])
async def around(request: pytest.FixtureRequest) -> AsyncIterator[Surroundings]:
    is_real = request.param == "rabbit"
    amqp_url = request.getfixturevalue("amqp_url") if is_real else None
    async with open_bus(amqp_url, "test") as bus:
        surroundings = Surroundings(bus)
        await surroundings.open()
        async with running(Settings(), bus):
            yield surroundings


async def test_a_wish_becomes_a_plan_with_the_address_that_waits_for_it(
    around: Surroundings,
) -> None:
    await around.bus.publish(
        TriggerRequested(deployment="adding", inputs={"amount": 4}),
        correlation_id="theirs",
        reply_to=around.bus.reply_address,
        message_id=str(uuid_utils.uuid7()),
    )
    async with asyncio.timeout(60):
        trigger, _ = await around.events.get()
        plan, envelope = await around.plans.get()
    assert trigger.origin is Origin.MESSAGE
    assert (plan.execution_id, plan.inputs[0].value) == (trigger.execution_id, 4)
    assert envelope.correlation_id == "theirs"
    assert envelope.reply_to == around.bus.reply_address


async def test_a_refused_wish_is_answered_and_stops_nothing(around: Surroundings) -> None:
    correlation_id = str(uuid_utils.uuid7())
    answer = around.bus.expect(correlation_id)
    await around.bus.publish(
        TriggerRequested(deployment="adding"),
        correlation_id=correlation_id,
        reply_to=around.bus.reply_address,
    )
    async with asyncio.timeout(60):
        refused = await answer
        dead = await around.dead.get()
    assert dead == TriggerRequested(deployment="adding")
    assert isinstance(refused, TriggerRefused)
    assert "'amount' (number)" in refused.message
    await around.bus.publish(TriggerRequested(deployment="adding", inputs={"amount": 5}))
    async with asyncio.timeout(60):
        plan, _ = await around.plans.get()
    assert plan.inputs[0].value == 5


async def test_a_trigger_without_a_plan_ends_as_failed_for_registry_and_caller(
    around: Surroundings,
) -> None:
    execution_id = str(uuid_utils.uuid7())
    answer = around.bus.expect(execution_id)
    deployment = a_deployment()
    await around.bus.publish(
        TriggerAccepted(
            execution_id=execution_id,
            origin=Origin.ENDPOINT,
            pipeline_id=deployment.pipeline_id,
            deployment_id=deployment.id,
            mapping=Mapping(),
            accepted_at=deployment.created_at,
            accepted_by=deployment.created_by,
            catalog_revision=2,
        ),
        correlation_id=execution_id,
        reply_to=around.bus.reply_address,
    )
    async with asyncio.timeout(60):
        replied = await answer
        while not isinstance(recorded := (await around.events.get())[0], ExecutionFinished):
            pass
    assert isinstance(replied, ExecutionFinished)
    assert (replied.status, replied.execution_id) == (Status.FAILED, execution_id)
    assert "Input 'a'" in (replied.error or "")
    assert replied == recorded
