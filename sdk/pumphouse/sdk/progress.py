"""A progress bar for what takes its time, on terminals."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm


class Progress(Protocol):
    """Counts bytes."""

    def update(self, count: int) -> object: ...
    def reset(self, total: float | None = None) -> object:
        """Begin again."""


@contextmanager
def progress_bar(is_shown: bool | None, what: str, total: int | None) -> Iterator[Progress]:
    """A bar on stderr.

    is_shown: None for just when stderr is a terminal. what: stands beside it.
    total: bytes, None if it is not known.
    """
    if is_shown is None:
        is_shown = sys.stderr is not None and sys.stderr.isatty()
    with tqdm(
        desc=what,
        total=total,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not is_shown,
    ) as bar:
        yield bar
