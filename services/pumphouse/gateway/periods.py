"""Which log lines are asked for."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from pumphouse.errors import Invalid
from pumphouse.gateway.bodies import ApiRequest, read_body_as

MAX_LOG_LINES = 20_000
"""Of one answer, so that it fits into a message."""

MAX_LIMIT = 2**31 - 1

LineCount = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": MAX_LIMIT})]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REST_OF_A_MILLISECOND = timedelta(microseconds=999)


class LogPeriod(msgspec.Struct, frozen=True, rename={"since_ms": "from", "until_ms": "to"}):
    """The body of every question for logs: milliseconds since 1970, both ends inclusive.

    Lines have microseconds, so the last millisecond is asked for to its end.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    limit: LineCount | None = None

    def check(self) -> None:
        """Raise Invalid for moments out of reach and a negative limit."""
        _moment(self.since_ms, "from")
        _moment(self.until_ms, "to")
        if self.limit is not None and not 0 <= self.limit <= MAX_LIMIT:
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
        start = _moment(self.until_ms, "to")
        return None if start is None else start + _REST_OF_A_MILLISECOND


async def read_period(request: ApiRequest) -> LogPeriod:
    """What a question for logs asks for. Raises Invalid."""
    period = await read_body_as(LogPeriod, request)
    period.check()
    return period


def _moment(milliseconds: int | None, what: str) -> datetime | None:
    if milliseconds is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise Invalid(f"{what} must be a time in milliseconds since 1970.") from error
