"""Cron schedules: five fields (minute, hour, day of month, month, day of week), in UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cron_descriptor import (
    FormatError,
    MissingFieldError,
    Options,
    WrongArgumentError,
    get_description,
)
from croniter import CroniterBadDateError, CroniterError, croniter

from pumphouse.errors import Invalid

_FORM = "write five fields: minute, hour, day of month, month, day of week, as in '0 9 * * 1-5'"

_SOME_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)

_RANDOM = re.compile(r"[hr]([(/].*)?", re.IGNORECASE)
"""croniter's words for a time of its own choosing, another one at each reading."""


def check_schedule(text: str) -> None:
    """Return when `text` has due times. Raises Invalid that says what to write instead."""
    fields = text.split()
    if len(fields) != 5:
        raise Invalid(f"The schedule {text[:80]!r} has {len(fields)} fields: {_FORM}.")
    words = [word for field in fields for word in field.split(",")]
    if any(_RANDOM.fullmatch(word) for word in words) or not croniter.is_valid(text):
        raise Invalid(f"The schedule {text[:80]!r} is not cron: {_FORM}.")
    next_slot(text, _SOME_MOMENT)


def describe_schedule(text: str) -> str:
    """In English, "Every minute"; the schedule itself where there are no words for it."""
    options = Options(use_24hour_time_format=True)
    try:
        return str(get_description(" ".join(text.split()), options))
    except (FormatError, MissingFieldError, WrongArgumentError):
        return text


def next_slot(text: str, after: datetime) -> datetime:
    """The first due time later than `after`, in UTC. Raises Invalid when there is none."""
    found = [slot for part in _parts(text) if (slot := _next(part, after)) is not None]
    if not found:
        raise Invalid(f"The schedule {text[:80]!r} names no day that exists.")
    return min(found)


def slots_between(text: str, after: datetime, until: datetime) -> list[datetime]:
    """Every due time later than `after` and not later than `until`, in order, in UTC."""
    slots = []
    slot = next_slot(text, after)
    while slot <= until:
        slots.append(slot)
        slot = next_slot(text, slot)
    return slots


def latest_slots(text: str, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The last `limit` of `slots_between`, found without walking through the others."""
    slots: list[datetime] = []
    before = until + timedelta(seconds=1)
    while len(slots) < limit:
        earlier = [slot for part in _parts(text) if (slot := _previous(part, before)) is not None]
        if not earlier or (before := max(earlier)) <= after:
            break
        if before <= until:
            slots.append(before)
    return slots[::-1]


def _parts(text: str) -> list[str]:
    """Schedules that are due together when `text` is.

    Where both day fields are restricted, either makes a day due. croniter holds to that only for
    plain numbers, not for `#`, `L` and `W`, so each day field is asked on its own.
    """
    minute, hour, day, month, weekday = text.split()
    if day.startswith(("*", "?")) or weekday.startswith(("*", "?")):
        return [text]
    return [f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}"]


def _next(text: str, after: datetime) -> datetime | None:
    return _found(text, after, lambda schedule: schedule.get_next(datetime))


def _previous(text: str, before: datetime) -> datetime | None:
    return _found(text, before, lambda schedule: schedule.get_prev(datetime))


def _found(text: str, start: datetime, search: Callable[[croniter], datetime]) -> datetime | None:
    try:
        return search(croniter(text, start.astimezone(UTC))).astimezone(UTC)
    except CroniterBadDateError:
        return None
    except CroniterError as error:
        raise Invalid(f"The schedule {text[:80]!r} is not cron: {_FORM}.") from error
