"""Which log lines are asked for."""

from datetime import UTC, datetime

import msgspec

from pumphouse.errors import Invalid

MAX_LOG_LINES = 20_000
"""Of one answer, so that it fits into a message."""


class LogPeriod(msgspec.Struct, frozen=True, rename={"since_ms": "from", "until_ms": "to"}):
    """The body of every question for logs: milliseconds since 1970, both ends inclusive."""

    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None

    def check(self) -> None:
        """Raise Invalid for moments out of reach and a negative limit."""
        _moment(self.since_ms, "from")
        _moment(self.until_ms, "to")
        if self.limit is not None and not 0 <= self.limit < 2**31:
            raise Invalid("limit must be zero or more.")

    @property
    def most(self) -> int:
        """At most so many lines."""
        return MAX_LOG_LINES if self.limit is None else min(self.limit, MAX_LOG_LINES)

    @property
    def since(self) -> datetime | None:
        return _moment(self.since_ms, "from")

    @property
    def until(self) -> datetime | None:
        return _moment(self.until_ms, "to")


def _moment(milliseconds: int | None, what: str) -> datetime | None:
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid(f"{what} must be a time in milliseconds since 1970.") from error
