from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.errors import Invalid
from pumphouse.mapping import (
    check_schedule,
    describe_schedule,
    latest_slots,
    next_slot,
    slots_between,
)
from tests.unit.mapping.samples import NOON


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/5 9-17 * * 1-5",
        "0 0 1 JAN *",
        "0 0 * * MON,fri",
        "0 0 L * *",
        "0 0 * * 5#2",
        "0 0 29 2 *",
        "0 0 30 2 1",
        " 0  0\t* * * ",
        "0 0 ? * *",
        "30 4 1,15 * 5",
    ],
)
def test_a_schedule_with_due_times_passes(text: str) -> None:
    check_schedule(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@daily",
        "@every 5m",
        "* * * *",
        "* * * * * *",
        "0 0 0 * * * 2026",
        "sixty * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "R * * * *",
        "h(1-5) * * * *",
        "1,R 2 * * *",
        "1,,2 * * * *",
        "0 0 * * 1,5#2",
        "x" * 10_000,
        "\ud800 * * * *",
        "* * * * *\x00",
    ],
)
def test_what_is_not_five_field_cron_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(Invalid, match="five fields") as refusal:
        check_schedule(text)
    assert len(refusal.value.message) < 300


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_schedule_that_never_fires_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no day that exists"):
        check_schedule(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "Every minute"),
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("0  9 * *  1-5", "At 09:00, Monday through Friday"),
        ("0 0 1 * 1", "At 00:00, on day 1 of the month, or on Monday"),
    ],
)
def test_a_schedule_is_described_in_english(text: str, words: str) -> None:
    assert describe_schedule(text) == words


def test_either_day_field_makes_a_day_due() -> None:
    until = NOON.replace(day=31)
    days = [slot.day for slot in slots_between("0 0 13 * 5", NOON, until)]
    assert days == [6, 13, 20, 27]
    assert [slot.day for slot in slots_between("0 0 9 * 5#2", NOON, until)] == [9, 13]
    assert [slot.day for slot in slots_between("0 0 9 * L5", NOON, until)] == [9, 27]


def test_slots_are_in_utc_whatever_the_zone_of_the_question() -> None:
    tokyo = datetime(2026, 3, 4, 9, 30, tzinfo=timezone(timedelta(hours=9)))
    slot = next_slot("0 1 * * *", tokyo)
    assert slot == datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    assert slot.tzinfo is UTC


def test_slots_between_excludes_the_start_and_includes_the_end() -> None:
    slots = slots_between("*/10 * * * *", NOON, NOON + timedelta(minutes=20))
    assert slots == [NOON + timedelta(minutes=10), NOON + timedelta(minutes=20)]
    assert slots_between("*/10 * * * *", NOON, NOON) == []


SCHEDULES = st.sampled_from(
    ["* * * * *", "*/7 * * * *", "0 */3 * * *", "15 10 13 * 5", "0 0 L * *", "5 5 1 * 2#1"]
)
MOMENTS = st.integers(0, 15 * 365 * 24 * 3600 * 1000).map(
    lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)


@given(SCHEDULES, MOMENTS)
def test_the_next_slot_is_a_whole_minute_later_than_the_moment(text: str, moment: datetime) -> None:
    slot = next_slot(text, moment)
    assert slot > moment
    assert (slot.second, slot.microsecond) == (0, 0)
    assert slots_between(text, moment, slot) == [slot]
    assert latest_slots(text, moment, slot, 5) == [slot]


@given(SCHEDULES, MOMENTS, st.timedeltas(timedelta(0), timedelta(hours=5)), st.integers(1, 400))
def test_the_latest_slots_are_the_end_of_all_of_them(
    text: str, after: datetime, span: timedelta, limit: int
) -> None:
    assert (
        latest_slots(text, after, after + span, limit)
        == (slots_between(text, after, after + span)[-limit:])
    )


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        check_schedule(text)
    except Invalid:
        return
    assert next_slot(text, NOON) > NOON
    assert describe_schedule(text)


@given(st.lists(st.text("0123456789*/,-#LWR?", min_size=1, max_size=6), min_size=5, max_size=5))
def test_anything_like_cron_is_a_schedule_or_refused(fields: list[str]) -> None:
    text = " ".join(fields)
    try:
        check_schedule(text)
    except Invalid:
        return
    assert next_slot(text, NOON) > NOON
    assert describe_schedule(text)
