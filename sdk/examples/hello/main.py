"""The code that the platform runs: no inputs, no outputs, only what it prints."""

from datetime import UTC, date, datetime


def hello() -> None:
    today = datetime.now(UTC).date()
    days = (date(today.year + 1, 1, 1) - today).days
    print(f"Hello! {days} days to the new year.")
