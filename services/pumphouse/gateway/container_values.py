"""What the values of `container_config` may be, whether a form or a setting gives them.

what: how the message of an Invalid names the place that the value is from.
"""

import re
from collections.abc import Iterable

from pumphouse.errors import Invalid

_LANGUAGE = re.compile(r"python:3\.[0-9]{1,2}-slim")
_CUDA = re.compile(r"python-cuda:3\.[0-9]{1,2}-[0-9]{1,2}\.[0-9]{1,2}")
_SYSTEM_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:=~_-]{0,199}")


def language(text: str, what: str) -> str:
    """A version of Python to run in. Raises Invalid."""
    if not _LANGUAGE.fullmatch(text) and not _CUDA.fullmatch(text):
        raise Invalid(
            f"{what} {text[:80]!r} is neither 'python:3.X-slim' nor 'python-cuda:3.X-Y.Z'."
        )
    return text


def system_dependencies(names: Iterable[str], what: str) -> list[str]:
    """Names of system packages. Raises Invalid for what is none."""
    packages = list(names)
    for package in packages:
        if not _SYSTEM_PACKAGE.fullmatch(package):
            raise Invalid(f"{what}: {package[:80]!r} is not the name of a system package.")
    return packages
