"""Which Python a pipeline asks for by the `language` of its container."""

import re
from dataclasses import dataclass

from pumphouse.executor.faults import BuildFailed

OLDEST = (3, 8)
"""The oldest Python that executions can run in."""

_LANGUAGE = re.compile(r"python(?P<cuda>-cuda)?:(?P<major>\d+)\.(?P<minor>\d+)[\w.+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Language:
    """python: `3.X`; None for the executor's own. wants_cuda: whether a GPU was asked for."""

    python: str | None = None
    wants_cuda: bool = False


def language_of(text: str | None) -> Language:
    """What `python:3.X-slim` or `python-cuda:3.X-Y.Z` asks for. Raises BuildFailed."""
    if not text:
        return Language()
    if (found := _LANGUAGE.fullmatch(text)) is None:
        raise BuildFailed(
            f"The language {text[:80]!r} is not known. Give 'python:3.X-slim', with the version of"
            " Python for 3.X, or leave it out."
        )
    version = int(found["major"]), int(found["minor"])
    if not OLDEST <= version < (4, 0):
        raise BuildFailed(
            f"The language {text[:80]!r} asks for Python {found['major']}.{found['minor']}."
            f" Pipelines run in Python {OLDEST[0]}.{OLDEST[1]} and newer."
        )
    return Language(f"{version[0]}.{version[1]}", found["cuda"] is not None)
