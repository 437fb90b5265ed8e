"""Which slots are due, and which of them are too old to fire."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.vocabulary import Rule
from pumphouse.mapping import latest_slots, next_slot

NEVER = datetime.max.replace(tzinfo=UTC)

MOST_MISSED = 100
"""Of one deployment, so that a long outage of a busy schedule does not flood the ledger."""


@dataclass(frozen=True, order=True)
class Slot:
    """One due time of one deployment. reason: why it does not fire; None when it does."""

    deployment_id: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Agenda:
    """What is due now, and when to look again."""

    due: list[Slot]
    next_due: datetime


def periodic(deployments: Iterable[Deployment]) -> list[Deployment]:
    """The deployments that fire by a schedule now."""
    return [d for d in deployments if d.rule is Rule.PERIODIC and d.is_enabled and d.schedule]


def agenda(
    deployments: Iterable[Deployment],
    handled: Mapping[str, datetime],
    now: datetime,
    grace: timedelta,
) -> Agenda:
    """The slots up to `now` that nobody has handled, and the first one after it.

    handled: last slot in the ledger, by deployment id. A slot from before the deployment took its
    present form is none of it; one older than `grace` is due but does not fire.
    """
    due: list[Slot] = []
    found: dict[tuple[str, datetime], list[datetime]] = {}
    upcoming: dict[str, datetime] = {}
    for deployment in deployments:
        schedule = deployment.schedule or ""
        after = max(deployment.updated_at, handled.get(deployment.id, deployment.updated_at))
        if (schedule, after) not in found:
            found[schedule, after] = latest_slots(schedule, after, now, MOST_MISSED)
        if schedule not in upcoming:
            upcoming[schedule] = next_slot(schedule, now)
        due += [
            Slot(deployment.id, at, _reason_against(at, now, grace))
            for at in found[schedule, after]
        ]
    return Agenda(due, min(upcoming.values(), default=NEVER))


def _reason_against(slot: datetime, now: datetime, grace: timedelta) -> str | None:
    if now - slot <= grace:
        return None
    return f"missed: no scheduler ran until {now:%Y-%m-%d %H:%M:%S} UTC"
