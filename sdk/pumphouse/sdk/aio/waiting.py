"""Waiting by long-poll: the platform holds each question until there is news."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from pumphouse.sdk.aio.concurrency import sleep
from pumphouse.sdk.deadlines import Deadline
from pumphouse.sdk.errors import TimedOut, Unreachable

LONGEST_HOLD_S = 90.0
"""The platform, and proxies on the way, hold a question for less than this."""

PATIENCE_S = 30.0
"""How long a wait outlives a platform that does not answer, as while it restarts."""

PAUSE_S = 0.5
"""Before the next question, if nobody answered."""

LEAST_S = 0.1
"""From one question to the next, if it was answered at once."""

T = TypeVar("T")


async def wait_for(ask: Callable[[float], Awaitable[T | None]], deadline: Deadline, what: str) -> T:
    """Ask until there is an answer other than None.

    ask: its argument is the longest time the question may take, in seconds.
    what: names in the error what was waited for.
    Raises TimedOut after the deadline, Unreachable when nobody has answered for PATIENCE_S.
    """
    answered_at = monotonic()
    while True:
        asked_at = monotonic()
        pause_s = LEAST_S
        answer = None
        try:
            answer = await ask(deadline.at_most(LONGEST_HOLD_S))
            answered_at = monotonic()
        except Unreachable:
            if not deadline.has_passed and monotonic() - answered_at > PATIENCE_S:
                raise
            pause_s = PAUSE_S + monotonic() - asked_at
        if answer is not None:
            return answer
        early_s = asked_at + pause_s - monotonic()
        if early_s > 0 and not deadline.has_passed:
            await sleep(deadline.at_most(early_s))
        if deadline.has_passed:
            raise TimedOut(
                f"{what} took longer than {deadline.timeout_s:g} s. It goes on; ask again later."
            )
