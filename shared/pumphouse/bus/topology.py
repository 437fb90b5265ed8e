"""Exchanges and queues, as values.

Every message goes to the exchange of its tag's noun, with its tag as routing key. A partition,
when there is one, follows the tag after a dot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pumphouse.contracts.builds import BuildFinished, BuildLogged, BuildRequested
from pumphouse.contracts.catalog import CatalogChanged
from pumphouse.contracts.executions import (
    ExecutionFinished,
    ExecutionLogged,
    ExecutionStarted,
    PlanResolved,
    TriggerAccepted,
    TriggerRequested,
)
from pumphouse.contracts.message import Message, tag_of
from pumphouse.contracts.metrics import WorkerSampled
from pumphouse.contracts.pods import PodLogged, PodReported, PodRequested

TRIGGERS = "pumphouse.triggers"
EXECUTIONS = "pumphouse.executions"
PLANS = "pumphouse.plans"
CATALOG = "pumphouse.catalog"
WORKERS = "pumphouse.workers"
REQUESTS = "pumphouse.requests"
DEAD = "pumphouse.dead"

EXCHANGES = (TRIGGERS, EXECUTIONS, PLANS, CATALOG, WORKERS, REQUESTS, DEAD)
"""All are durable topic exchanges. TRIGGERS and EXECUTIONS are open to other services."""

_EXCHANGE_OF = {
    TriggerRequested: TRIGGERS,
    TriggerAccepted: EXECUTIONS,
    ExecutionStarted: EXECUTIONS,
    ExecutionLogged: EXECUTIONS,
    ExecutionFinished: EXECUTIONS,
    PlanResolved: PLANS,
    PodRequested: PLANS,
    PodReported: CATALOG,
    PodLogged: CATALOG,
    BuildRequested: PLANS,
    BuildLogged: CATALOG,
    BuildFinished: CATALOG,
    CatalogChanged: CATALOG,
    WorkerSampled: WORKERS,
}


def exchange_of(kind: type[Message]) -> str:
    """The exchange that messages of this class are published to; requests have one for all."""
    return _EXCHANGE_OF.get(kind, REQUESTS)


def is_announcement(kind: type[Message]) -> bool:
    """Whether only passing listeners take such messages, so that it may be that nobody does.

    Publishing any other message that no queue takes fails.
    """
    return kind is CatalogChanged


def routing_key(kind: type[Message], partition: str = "") -> str:
    """`tag`, or `tag.partition`."""
    return f"{tag_of(kind)}.{partition}" if partition else tag_of(kind)


@dataclass(frozen=True, kw_only=True)
class Binding:
    """Messages of `kind`, of one partition or of all (None)."""

    kind: type[Message]
    partition: str | None = None

    @property
    def exchange(self) -> str:
        return exchange_of(self.kind)

    @property
    def pattern(self) -> str:
        if self.partition is None:
            return f"{tag_of(self.kind)}.#"
        return routing_key(self.kind, self.partition)

    def takes(self, kind: type[Message], partition: str) -> bool:
        """Whether the pattern matches the routing key of such a message."""
        return self.kind is kind and self.partition in (None, partition)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue and how it is consumed.

    name: for a queue that is not durable, only a prefix: each consumer gets one of its own.
    bindings: what is routed to it; for dead letters, what was meant for other queues.
    is_durable: survives restarts, confirms, dead-letters; else it dies with its consumer, holds
        what it can, and delivers at most once.
    prefetch: how many messages a consumer holds at once.
    ordered_by: key of a message; equal keys are handled one after the other.
    is_single_active: only one of its consumers gets messages, the next when that one goes.
    is_journal: where the bus keeps nothing itself (in-process), publishing waits until this
        queue's handler has returned, which has then stored the message.
    takes_dead: bound to the dead letters instead.
    max_length: messages beyond it are refused.
    """

    name: str
    bindings: tuple[Binding, ...] = ()
    is_durable: bool = True
    prefetch: int = 50
    ordered_by: Callable[[Any], str] | None = None
    is_single_active: bool = False
    is_journal: bool = False
    takes_dead: bool = False
    max_length: int = 100_000


def _all_of(*kinds: type[Message]) -> tuple[Binding, ...]:
    return tuple(Binding(kind=kind) for kind in kinds)


INTAKE = Queue(name="mapping-resolver.intake", bindings=_all_of(TriggerRequested))
"""Wishes of other services, to be checked."""

RESOLVER = Queue(name="mapping-resolver.triggers", bindings=_all_of(TriggerAccepted))

REGISTRY_EVENTS = Queue(
    name="registry.events",
    bindings=_all_of(TriggerAccepted, ExecutionStarted, ExecutionLogged, ExecutionFinished),
    prefetch=500,
    is_journal=True,
    max_length=1_000_000,
)


def _deployment_of(said: PodReported | PodLogged) -> str:
    return said.deployment_id


REGISTRY_PODS = Queue(
    name="registry.pods",
    bindings=_all_of(PodReported),
    ordered_by=_deployment_of,
    is_single_active=True,
)
"""Its order holds: each report tells of all pods of a deployment, and the last one stays."""

REGISTRY_POD_LOGS = Queue(
    name="registry.pod-logs",
    bindings=_all_of(PodLogged),
    ordered_by=_deployment_of,
    max_length=10_000,
)

REGISTRY_SAMPLES = Queue(
    name="registry.samples", bindings=_all_of(WorkerSampled), max_length=10_000
)


def _pipeline_of(said: BuildLogged | BuildFinished) -> str:
    return said.pipeline_id


REGISTRY_BUILDS = Queue(
    name="registry.builds",
    bindings=_all_of(BuildLogged, BuildFinished),
    ordered_by=_pipeline_of,
    is_single_active=True,
)
"""What executors say of builds. Its order holds: an end comes after the lines before it."""

BUILDS = Queue(name="executor.builds", bindings=_all_of(BuildRequested), prefetch=2)
"""Environments to be built, apart from the plans: a long build holds up no execution."""

REGISTRY_DEAD = Queue(
    name="registry.dead",
    bindings=_all_of(TriggerAccepted, PlanResolved, BuildRequested),
    takes_dead=True,
)
"""What nobody could carry on: the registry ends the executions and the builds."""

REGISTRY_REQUESTS = Queue(name="registry.requests", is_durable=False, prefetch=10_000)
"""Most of what is held at once only waits for an execution to end."""

CATALOG_CHANGES = Queue(
    name="catalog.changes", bindings=_all_of(CatalogChanged), is_durable=False, prefetch=1
)
"""One for each service instance, so that every one hears every change."""

ELASTIC_SHARDS = 8


def elastic_partition(key: str) -> str:
    """The shard of a deployment id (of a pipeline id, for a run): `elastic.<0..7>`."""
    return f"elastic.{sum(key.encode()) % ELASTIC_SHARDS}"


def elastic_queue(shard: int, prefetch: int = 4) -> Queue:
    partition = f"elastic.{shard}"
    return Queue(
        name=f"plans.{partition}",
        bindings=(Binding(kind=PlanResolved, partition=partition),),
        prefetch=prefetch,
    )


_FETCHED_AHEAD = 15


def pod_partition(deployment_id: str) -> str:
    return f"low-latency.{deployment_id}"


def pod_queue(deployment_id: str, at_once: int = 1) -> Queue:
    """Plans and pod wishes of one low latency deployment: whoever is active holds its pods.

    at_once: how many of the plans run side by side; the inputs of some more are fetched ahead.
    """
    partition = pod_partition(deployment_id)
    return Queue(
        name=f"plans.{partition}",
        bindings=(
            Binding(kind=PlanResolved, partition=partition),
            Binding(kind=PodRequested, partition=partition),
        ),
        prefetch=at_once + _FETCHED_AHEAD,
        is_single_active=True,
    )


STATIC_QUEUES = (
    INTAKE,
    RESOLVER,
    REGISTRY_EVENTS,
    REGISTRY_PODS,
    REGISTRY_POD_LOGS,
    REGISTRY_SAMPLES,
    REGISTRY_BUILDS,
    BUILDS,
    REGISTRY_DEAD,
    *(elastic_queue(shard) for shard in range(ELASTIC_SHARDS)),
)
"""Durable queues that exist before anything is published, whichever service starts first."""
