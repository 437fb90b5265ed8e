"""Which log lines a period lets through."""

from datetime import UTC, datetime, timedelta

import pytest

from pumphouse.errors import Invalid
from pumphouse.gateway.periods import MAX_LOG_LINES, LogPeriod

LINE = datetime(2030, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ITS_MILLISECOND = 1_893_499_200_123


def has(period: LogPeriod, at: datetime) -> bool:
    since, until = period.since, period.until
    return (since is None or at >= since) and (until is None or at <= until)


def test_the_millisecond_of_a_line_finds_it() -> None:
    period = LogPeriod(since_ms=ITS_MILLISECOND, until_ms=ITS_MILLISECOND)
    assert has(period, LINE)
    assert has(period, LINE.replace(microsecond=123_000))
    assert has(period, LINE.replace(microsecond=123_999))


@pytest.mark.parametrize("microsecond", [122_999, 124_000])
def test_the_next_millisecond_is_not_in_it(microsecond: int) -> None:
    period = LogPeriod(since_ms=ITS_MILLISECOND, until_ms=ITS_MILLISECOND)
    assert not has(period, LINE.replace(microsecond=microsecond))


def test_either_end_may_be_open() -> None:
    assert has(LogPeriod(since_ms=ITS_MILLISECOND), LINE + timedelta(days=1))
    assert has(LogPeriod(until_ms=ITS_MILLISECOND), LINE - timedelta(days=1))
    assert LogPeriod().most == MAX_LOG_LINES


@pytest.mark.parametrize("milliseconds", [253_402_300_799_999, -62_135_596_800_000, 0])
def test_the_first_and_the_last_moment_can_be_asked_for(milliseconds: int) -> None:
    LogPeriod(since_ms=milliseconds, until_ms=milliseconds).check()


@pytest.mark.parametrize("milliseconds", [253_402_300_800_000, -62_135_596_800_001, 10**30])
def test_what_is_no_moment_is_refused(milliseconds: int) -> None:
    with pytest.raises(Invalid, match="from"):
        LogPeriod(since_ms=milliseconds).check()
    with pytest.raises(Invalid, match="to"):
        LogPeriod(until_ms=milliseconds).check()
