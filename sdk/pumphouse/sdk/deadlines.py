"""How long a wait goes on."""

from time import monotonic

from pumphouse.sdk.errors import InvalidParameters


class Deadline:
    """The end of a wait. timeout_s: seconds from now, None for no end."""

    def __init__(self, timeout_s: float | None) -> None:
        if timeout_s is not None and timeout_s <= 0:
            raise InvalidParameters(
                "'timeout_s' must be greater than 0, or None to wait without limit."
            )
        self.timeout_s = timeout_s
        self._ends_at = None if timeout_s is None else monotonic() + timeout_s

    def at_most(self, seconds: float) -> float:
        """`seconds`, or what remains if that is less; never quite 0."""
        if self._ends_at is None:
            return seconds
        return max(0.001, min(seconds, self._ends_at - monotonic()))

    @property
    def has_passed(self) -> bool:
        return self._ends_at is not None and monotonic() >= self._ends_at
