"""Waiting by long-poll: the platform holds each question until there is news."""

import time
from collections.abc import Callable
from typing import TypeVar

from pumphouse.sdk.errors import InvalidParameters, TimedOut, Unreachable

LONGEST_HOLD_S = 90.0
"""The platform, and proxies on the way, hold a question for less than this."""

PATIENCE_S = 30.0
"""How long a wait outlives a platform that does not answer, as while it restarts."""

_PAUSE_S = 0.5

T = TypeVar("T")


class Deadline:
    """The end of a wait. timeout_s: seconds from now, None for no end."""

    def __init__(self, timeout_s: float | None) -> None:
        if timeout_s is not None and timeout_s <= 0:
            raise InvalidParameters(
                "'timeout_s' must be greater than 0, or None to wait without limit."
            )
        self.timeout_s = timeout_s
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s

    def at_most(self, seconds: float) -> float:
        """`seconds`, or what remains if that is less; never quite 0."""
        if self._ends_at is None:
            return seconds
        return max(0.001, min(seconds, self._ends_at - time.monotonic()))

    @property
    def has_passed(self) -> bool:
        return self._ends_at is not None and time.monotonic() >= self._ends_at


def wait_for(ask: Callable[[float], T | None], deadline: Deadline, what: str) -> T:
    """Ask until there is an answer other than None.

    ask: its argument is the longest time the question may take, in seconds.
    what: names in the error what was waited for.
    Raises TimedOut after the deadline, Unreachable when nobody has answered for PATIENCE_S.
    """
    answered_at = time.monotonic()
    while True:
        try:
            answer = ask(deadline.at_most(LONGEST_HOLD_S))
            answered_at = time.monotonic()
        except Unreachable:
            if not deadline.has_passed:
                if time.monotonic() - answered_at > PATIENCE_S:
                    raise
                time.sleep(deadline.at_most(_PAUSE_S))
            answer = None
        if answer is not None:
            return answer
        if deadline.has_passed:
            raise TimedOut(
                f"{what} took longer than {deadline.timeout_s:g} s. It goes on; ask again later."
            )
