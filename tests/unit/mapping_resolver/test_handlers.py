import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from pumphouse.bus import Envelope
from pumphouse.bus.topology import elastic_partition, pod_partition
from pumphouse.catalog import Catalog
from pumphouse.contracts.catalog import (
    CatalogChange,
    CatalogListed,
    Deployment,
    Pipeline,
    Variable,
)
from pumphouse.contracts.executions import (
    ExecutionFinished,
    PlanResolved,
    TriggerAccepted,
    TriggerRefused,
    TriggerRequested,
)
from pumphouse.contracts.mappings import (
    AnySource,
    Constant,
    EndpointValue,
    EnvironmentVariable,
    FileTarget,
    InputMapping,
    Mapping,
    OutputMapping,
    RunValue,
    StoredFile,
)
from pumphouse.contracts.message import Message
from pumphouse.contracts.vocabulary import DataType, Mode, Origin, Rule, Status
from pumphouse.errors import Conflict, Invalid, NotFound, PumphouseError, Unavailable
from pumphouse.mapping_resolver.handlers import TriggerHandlers
from tests.unit.mapping.samples import (
    DEPLOYMENT_ID,
    NOON,
    PIPELINE_ID,
    USER_ID,
    a_deployment,
    a_pipeline,
    an_input,
    an_output,
)

EXECUTION_ID = "01957a3a-0000-7000-8000-0000000000ee"


@dataclass
class FakeBus:
    published: list[tuple[Message, dict[str, Any]]] = field(default_factory=list)
    replies: list[tuple[Message, str, str]] = field(default_factory=list)

    async def publish(self, message: Message, **envelope: Any) -> None:
        self.published.append((message, envelope))

    async def reply(self, message: Message, *, to: str, correlation_id: str) -> None:
        self.replies.append((message, to, correlation_id))

    @property
    def is_silent(self) -> bool:
        return not self.published and not self.replies

    def sent(self, kind: type[Message]) -> list[Any]:
        return [message for message, _ in self.published if isinstance(message, kind)]


@dataclass
class FakeRegistry:
    """Lists everything it has been told, in order."""

    changes: list[CatalogChange] = field(default_factory=list)
    is_away: bool = False

    def tell(self, *items: Pipeline | Deployment | Variable) -> None:
        for item in items:
            name = type(item).__name__.lower()
            self._add({name: item})

    def delete_deployment(self, identifier: str) -> None:
        self._add({"deleted_deployment_id": identifier})

    def _add(self, content: dict[str, Any]) -> None:
        self.changes.append(CatalogChange(revision=len(self.changes) + 1, **content))

    async def changes_after(self, revision: int) -> CatalogListed:
        if self.is_away:
            raise Unavailable("The registry does not answer.")
        return CatalogListed(revision=len(self.changes), changes=tuple(self.changes[revision:]))


@dataclass
class Resolver:
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    bus: FakeBus = field(default_factory=FakeBus)

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.registry)
        self.handlers = TriggerHandlers(self.catalog, self.bus, clock=lambda: NOON)


@pytest.fixture
def resolver() -> Resolver:
    return Resolver()


def from_input(source: AnySource) -> Mapping:
    return Mapping(inputs=(InputMapping(input="a", source=source),))


def a_trigger(mapping: Mapping, revision: int, *, deployment_id: str | None = None) -> Any:
    return TriggerAccepted(
        execution_id=EXECUTION_ID,
        origin=Origin.RUN,
        pipeline_id=PIPELINE_ID,
        deployment_id=deployment_id,
        inputs={"a": 1},
        mapping=mapping,
        accepted_at=NOON,
        accepted_by=USER_ID,
        catalog_revision=revision,
    )


WAITING = Envelope("m1", correlation_id="c1", reply_to="gateway.1")


async def test_a_trigger_becomes_a_plan_that_carries_the_reply_address(resolver: Resolver) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")))
    await resolver.handlers.accepted(a_trigger(from_input(RunValue(name="a")), 1), WAITING)
    [(plan, envelope)] = resolver.bus.published
    assert isinstance(plan, PlanResolved)
    assert plan.inputs[0].value == 1
    assert envelope == {
        "partition": elastic_partition(PIPELINE_ID),
        "correlation_id": "c1",
        "reply_to": "gateway.1",
    }


@pytest.mark.parametrize(
    ("mode", "partition"),
    [
        (Mode.ELASTIC, elastic_partition(DEPLOYMENT_ID)),
        (Mode.LOW_LATENCY, pod_partition(DEPLOYMENT_ID)),
    ],
)
async def test_a_plan_goes_where_the_mode_of_its_deployment_runs(
    resolver: Resolver, mode: Mode, partition: str
) -> None:
    mapping = from_input(EndpointValue(name="a"))
    resolver.registry.tell(a_pipeline(an_input("a")), a_deployment(mapping, mode=mode))
    trigger = a_trigger(mapping, 2, deployment_id=DEPLOYMENT_ID)
    await resolver.handlers.accepted(trigger, WAITING)
    assert [envelope["partition"] for _, envelope in resolver.bus.published] == [partition]


async def test_a_trigger_delivered_twice_gives_the_same_plan_twice(resolver: Resolver) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")))
    trigger = a_trigger(from_input(RunValue(name="a")), 1)
    for _ in range(2):
        await resolver.handlers.accepted(trigger, WAITING)
    first, second = resolver.bus.published
    assert first == second


async def test_a_variable_that_was_confirmed_before_the_trigger_is_seen(resolver: Resolver) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")), Variable(name="RATE", sealed="old"))
    await resolver.catalog.refresh()
    resolver.registry.tell(Variable(name="RATE", sealed="new"))
    trigger = a_trigger(from_input(EnvironmentVariable(name="RATE")), 3)
    await resolver.handlers.accepted(trigger, WAITING)
    assert resolver.bus.sent(PlanResolved)[0].inputs[0].sealed == "new"


async def test_a_trigger_waits_for_a_registry_that_is_away(resolver: Resolver) -> None:
    resolver.registry.is_away = True
    trigger = a_trigger(from_input(RunValue(name="a")), 1)
    with pytest.raises(Unavailable):
        await resolver.handlers.accepted(trigger, WAITING)
    assert resolver.bus.is_silent


async def test_a_plan_that_cannot_be_made_ends_the_execution_as_failed(resolver: Resolver) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")))
    trigger = a_trigger(from_input(EnvironmentVariable(name="GONE")), 1)
    await resolver.handlers.accepted(trigger, WAITING)
    [finished] = resolver.bus.sent(ExecutionFinished)
    assert (finished.execution_id, finished.status) == (EXECUTION_ID, Status.FAILED)
    assert "Input 'a'" in finished.error
    assert "'GONE'" in finished.error
    assert resolver.bus.replies == [(finished, "gateway.1", "c1")]
    assert resolver.bus.sent(PlanResolved) == []


async def test_a_plan_that_cannot_be_made_is_published_when_nobody_waits(
    resolver: Resolver,
) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")))
    trigger = a_trigger(from_input(EnvironmentVariable(name="GONE")), 1)
    await resolver.handlers.accepted(trigger, Envelope("m1"))
    assert len(resolver.bus.sent(ExecutionFinished)) == 1
    assert resolver.bus.replies == []


async def test_a_trigger_of_a_deleted_deployment_is_dropped(resolver: Resolver) -> None:
    mapping = from_input(EndpointValue(name="a"))
    resolver.registry.tell(a_pipeline(an_input("a")), a_deployment(mapping))
    resolver.registry.delete_deployment(DEPLOYMENT_ID)
    trigger = a_trigger(mapping, 2, deployment_id=DEPLOYMENT_ID)
    await resolver.handlers.accepted(trigger, WAITING)
    assert resolver.bus.is_silent


async def test_a_trigger_is_not_dropped_for_want_of_a_fresh_catalog(resolver: Resolver) -> None:
    resolver.registry.tell(a_pipeline(an_input("a")))
    await resolver.handlers.accepted(a_trigger(from_input(RunValue(name="a")), 0), WAITING)
    assert len(resolver.bus.sent(PlanResolved)) == 1


# -- wishes of other services


async def test_a_wish_becomes_an_accepted_trigger_of_the_deployment(resolver: Resolver) -> None:
    mapping = from_input(EndpointValue(name="amount"))
    resolver.registry.tell(a_pipeline(an_input("a")), a_deployment(mapping))
    wish = TriggerRequested(
        deployment="adding", inputs={"amount": 2, "unknown": 3}, execution_id=EXECUTION_ID.upper()
    )
    await resolver.handlers.requested(wish, Envelope("m1", "theirs", "their.queue"))
    [(trigger, envelope)] = resolver.bus.published
    assert trigger == TriggerAccepted(
        execution_id=EXECUTION_ID,
        origin=Origin.MESSAGE,
        pipeline_id=PIPELINE_ID,
        deployment_id=DEPLOYMENT_ID,
        inputs={"amount": 2},
        mapping=mapping,
        accepted_at=NOON,
        accepted_by=USER_ID,
        catalog_revision=2,
    )
    assert envelope == {"correlation_id": "theirs", "reply_to": "their.queue"}


async def test_a_periodic_deployment_is_started_by_a_wish_without_inputs(
    resolver: Resolver,
) -> None:
    mapping = from_input(Constant(value=1))
    resolver.registry.tell(
        a_pipeline(an_input("a")),
        a_deployment(mapping, rule=Rule.PERIODIC, schedule="0 0 * * *"),
    )
    wish = TriggerRequested(deployment="adding", inputs={"a": "ignored"})
    await resolver.handlers.requested(wish, Envelope("m1"))
    [trigger] = resolver.bus.sent(TriggerAccepted)
    assert trigger.inputs == {}


@pytest.mark.parametrize("execution_id", [None, EXECUTION_ID])
async def test_a_wish_delivered_twice_is_one_execution(
    resolver: Resolver, execution_id: str | None
) -> None:
    resolver.registry.tell(a_pipeline(), a_deployment())
    wish = TriggerRequested(deployment="adding", execution_id=execution_id)
    for _ in range(2):
        await resolver.handlers.requested(wish, Envelope("their message"))
    first, second = resolver.bus.sent(TriggerAccepted)
    assert first.execution_id == second.execution_id
    assert str(uuid.UUID(first.execution_id)) == first.execution_id


@pytest.mark.parametrize("message_ids", [("one", "two"), ("", "")])
async def test_two_wishes_are_two_executions(
    resolver: Resolver, message_ids: tuple[str, str]
) -> None:
    resolver.registry.tell(a_pipeline(), a_deployment())
    for message_id in message_ids:
        await resolver.handlers.requested(
            TriggerRequested(deployment="adding"), Envelope(message_id)
        )
    first, second = resolver.bus.sent(TriggerAccepted)
    assert first.execution_id != second.execution_id


REQUIRED = a_pipeline(an_input("a", DataType.STRING, is_required=True))


@pytest.mark.parametrize(
    ("wish", "is_enabled", "kind", "named"),
    [
        (TriggerRequested(deployment="nobody"), True, NotFound, "'nobody'"),
        (TriggerRequested(deployment="adding", inputs={"a": ""}), False, Conflict, "disabled"),
        (TriggerRequested(deployment="adding"), True, Invalid, "'a' (string)"),
        (TriggerRequested(deployment="adding", inputs={"a": 1}), True, Invalid, "Input 'a'"),
        (
            TriggerRequested(deployment="adding", inputs={"a": ""}, execution_id="mine"),
            True,
            Invalid,
            "UUID",
        ),
    ],
)
async def test_a_wish_that_is_refused_is_answered_and_raised(
    resolver: Resolver,
    wish: TriggerRequested,
    is_enabled: bool,
    kind: type[PumphouseError],
    named: str,
) -> None:
    mapping = from_input(EndpointValue(name="a"))
    resolver.registry.tell(REQUIRED, a_deployment(mapping, is_enabled=is_enabled))
    with pytest.raises(kind) as refusal:
        await resolver.handlers.requested(wish, Envelope("m1", "theirs", "their.queue"))
    assert named in refusal.value.message
    answer = TriggerRefused(code=kind.code, message=refusal.value.message)
    assert resolver.bus.replies == [(answer, "their.queue", "theirs")]
    assert resolver.bus.published == []


async def test_a_wish_cannot_give_a_file_and_says_what_to_do_instead(resolver: Resolver) -> None:
    pipeline = a_pipeline(an_input("a", DataType.FILE, is_required=True))
    resolver.registry.tell(pipeline, a_deployment(from_input(EndpointValue(name="a"))))
    for inputs in ({}, {"a": "a.csv"}, {"a": {"path": "a.csv"}}):
        with pytest.raises(Invalid, match="map the input to a path of the data store"):
            await resolver.handlers.requested(
                TriggerRequested(deployment="adding", inputs=inputs), Envelope("m1")
            )
    assert resolver.bus.published == []


async def test_a_wish_starts_a_deployment_whose_file_is_in_the_data_store(
    resolver: Resolver,
) -> None:
    pipeline = a_pipeline(an_input("a", DataType.FILE, is_required=True))
    resolver.registry.tell(pipeline, a_deployment(from_input(StoredFile(path="a.csv"))))
    await resolver.handlers.requested(TriggerRequested(deployment="adding"), Envelope("m1"))
    [trigger] = resolver.bus.sent(TriggerAccepted)
    assert (trigger.inputs, trigger.files) == ({}, {})


async def test_a_path_that_cannot_be_filled_in_ends_the_execution_as_failed(
    resolver: Resolver,
) -> None:
    resolver.registry.tell(a_pipeline(outputs=(an_output("sum", DataType.FILE),)))
    mapping = Mapping(outputs=(OutputMapping(output="sum", destination=FileTarget(path="{user}")),))
    await resolver.handlers.accepted(a_trigger(mapping, 1), WAITING)
    [finished] = resolver.bus.sent(ExecutionFinished)
    assert finished.status is Status.FAILED
    assert "Output 'sum'" in finished.error


async def test_a_refusal_without_reply_address_is_only_raised(resolver: Resolver) -> None:
    with pytest.raises(NotFound):
        await resolver.handlers.requested(TriggerRequested(deployment="nobody"), Envelope("m1"))
    assert resolver.bus.replies == []


async def test_a_wish_waits_for_a_registry_that_is_away(resolver: Resolver) -> None:
    resolver.registry.is_away = True
    with pytest.raises(Unavailable):
        await resolver.handlers.requested(TriggerRequested(deployment="adding"), WAITING)
    assert resolver.bus.replies == []


async def test_a_wish_sees_a_change_that_was_confirmed_before_it(resolver: Resolver) -> None:
    deployment = a_deployment()
    resolver.registry.tell(a_pipeline(), deployment)
    await resolver.catalog.refresh()
    resolver.registry.tell(msgspec.structs.replace(deployment, is_enabled=False))
    with pytest.raises(Conflict):
        await resolver.handlers.requested(TriggerRequested(deployment="adding"), WAITING)
