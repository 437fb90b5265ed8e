"""What one container may use of its host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """memory: in bytes, swap included. processors: how many, 0.5 is half of one. None: no limit."""

    memory: int | None = None
    processes: int | None = 4096
    processors: float | None = None
