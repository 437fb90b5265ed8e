"""A wait ends with the answer, at its deadline, or when nobody has answered for long."""

import time
from itertools import pairwise

import pytest

from pumphouse.sdk import InvalidParameters, TimedOut, Unreachable
from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.sync.waiting import LEAST_S, LONGEST_HOLD_S, PATIENCE_S, wait_for


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("pumphouse.sdk.deadlines.monotonic", clock.monotonic)
    monkeypatch.setattr("pumphouse.sdk.sync.waiting.monotonic", clock.monotonic)
    monkeypatch.setattr("pumphouse.sdk.sync.waiting.sleep", clock.sleep)
    return clock


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_a_wait_without_length_is_refused(timeout_s: float) -> None:
    with pytest.raises(InvalidParameters, match="timeout_s"):
        Deadline(timeout_s)


def test_the_first_answer_ends_the_wait() -> None:
    answers = iter([None, None, "ready"])
    assert wait_for(lambda limit_s: next(answers), Deadline(None), "It") == "ready"


def test_each_question_gets_what_remains_of_the_time(clock: Clock) -> None:
    limits = []

    def hold(limit_s: float) -> None:
        limits.append(limit_s)
        clock.sleep(min(limit_s, 10))

    with pytest.raises(TimedOut, match="It took longer than 25 s"):
        wait_for(hold, Deadline(25), "It")
    assert limits == [25, 15, 5]
    assert clock.now == 125


def test_without_a_deadline_a_question_is_held_as_long_as_platforms_hold() -> None:
    assert Deadline(None).at_most(LONGEST_HOLD_S) == LONGEST_HOLD_S


def test_a_question_cut_off_by_the_deadline_is_a_timeout(clock: Clock) -> None:
    def cut(limit_s: float) -> None:
        clock.sleep(limit_s)
        raise Unreachable("timed out")

    with pytest.raises(TimedOut):
        wait_for(cut, Deadline(2), "It")
    assert clock.now == 102


def test_a_wait_outlives_a_restart_of_the_platform(clock: Clock) -> None:
    def restarting(limit_s: float) -> str:
        if clock.now < 100 + PATIENCE_S - 1:
            raise Unreachable("refused")
        return "ready"

    assert wait_for(restarting, Deadline(None), "It") == "ready"


def test_a_platform_that_stays_away_ends_the_wait(clock: Clock) -> None:
    def away(limit_s: float) -> None:
        raise Unreachable("refused")

    with pytest.raises(Unreachable, match="refused"):
        wait_for(away, Deadline(None), "It")
    assert PATIENCE_S < clock.now - 100 < PATIENCE_S + 2


def test_the_deadline_is_real_time() -> None:
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        wait_for(lambda limit_s: time.sleep(min(limit_s, 0.05)), Deadline(0.12), "It")
    assert 0.12 <= time.monotonic() - begin < 20


def test_questions_that_are_answered_at_once_keep_a_distance(clock: Clock) -> None:
    asked_at = []

    def restless(limit_s: float) -> str | None:
        asked_at.append(clock.now)
        return "ready" if len(asked_at) == 4 else None

    assert wait_for(restless, Deadline(None), "It") == "ready"
    assert [later - earlier for earlier, later in pairwise(asked_at)] == [
        pytest.approx(LEAST_S)
    ] * 3
