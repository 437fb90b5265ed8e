from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pumphouse.contracts.catalog import Deployment
from pumphouse.contracts.vocabulary import Rule
from pumphouse.scheduler.domain import MOST_MISSED, NEVER, Slot, agenda, periodic
from tests.unit.mapping.samples import NOON, a_deployment

GRACE = timedelta(seconds=60)
MINUTE = timedelta(minutes=1)


def every(schedule: str, *, id: str = "d", updated_at: datetime = NOON) -> Deployment:
    return a_deployment(id=id, rule=Rule.PERIODIC, schedule=schedule, updated_at=updated_at)


def test_only_enabled_periodic_deployments_have_slots() -> None:
    kept = every("* * * * *")
    disabled = a_deployment(rule=Rule.PERIODIC, schedule="* * * * *", is_enabled=False)
    assert periodic([a_deployment(), disabled, kept]) == [kept]


def test_a_slot_is_due_from_its_minute_on() -> None:
    deployment = every("* * * * *")
    before = agenda([deployment], {}, NOON + MINUTE - timedelta(microseconds=1), GRACE)
    assert (before.due, before.next_due) == ([], NOON + MINUTE)
    at = agenda([deployment], {}, NOON + MINUTE, GRACE)
    assert at.due == [Slot("d", NOON + MINUTE)]
    assert at.next_due == NOON + 2 * MINUTE


def test_the_slot_of_the_moment_of_a_change_is_not_the_changed_deployments() -> None:
    assert agenda([every("* * * * *")], {}, NOON, GRACE).due == []


def test_slots_before_a_change_are_forgotten() -> None:
    changed = every("* * * * *", updated_at=NOON + timedelta(seconds=150))
    found = agenda([changed], {"d": NOON}, NOON + 4 * MINUTE, GRACE)
    assert [slot.at for slot in found.due] == [NOON + 3 * MINUTE, NOON + 4 * MINUTE]


def test_what_the_ledger_has_is_not_due_again_when_the_clock_steps_back() -> None:
    handled = {"d": NOON + 5 * MINUTE}
    assert agenda([every("* * * * *")], handled, NOON + 2 * MINUTE, GRACE).due == []


def test_a_slot_that_is_a_little_late_fires_and_an_older_one_says_why_not() -> None:
    now = NOON + timedelta(minutes=3, seconds=30)
    found = agenda([every("* * * * *")], {"d": NOON}, now, GRACE)
    assert [(slot.at, slot.reason is None) for slot in found.due] == [
        (NOON + MINUTE, False),
        (NOON + 2 * MINUTE, False),
        (NOON + 3 * MINUTE, True),
    ]
    assert found.due[0].reason == "missed: no scheduler ran until 2026-03-04 12:03:30 UTC"


def test_after_a_long_outage_only_the_last_slots_are_looked_at() -> None:
    found = agenda([every("* * * * *")], {}, NOON + timedelta(days=300), GRACE)
    assert len(found.due) == MOST_MISSED


def test_nothing_is_next_without_deployments() -> None:
    found = agenda([], {}, NOON, GRACE)
    assert (found.due, found.next_due) == ([], NEVER)


def test_the_next_slot_is_the_first_of_all_deployments() -> None:
    deployments = [every("0 0 * * *", id="a"), every("30 12 * * *", id="b")]
    assert agenda(deployments, {}, NOON, GRACE).next_due == NOON + timedelta(minutes=30)


STEPS = st.lists(st.integers(-200, 400), min_size=1, max_size=14)
"""Less than MOST_MISSED minutes in all, beyond which slots are left out."""


@given(STEPS, st.sampled_from(["* * * * *", "*/5 * * * *", "3,4,17 * * * *"]))
def test_each_slot_comes_up_once_however_the_clock_steps(steps: list[int], schedule: str) -> None:
    deployment, handled, seen = every(schedule), {"d": NOON}, []
    now = NOON
    for step in steps:
        now += timedelta(seconds=step)
        for slot in agenda([deployment], handled, now, GRACE).due:
            handled[slot.deployment_id] = slot.at
            seen.append(slot.at)
    assert seen == sorted(set(seen))
    latest = max(NOON + timedelta(seconds=sum(steps[: n + 1])) for n in range(len(steps)))
    if latest > NOON:
        fresh = agenda([deployment], {"d": NOON}, latest, GRACE).due
        assert seen == [slot.at for slot in fresh]
