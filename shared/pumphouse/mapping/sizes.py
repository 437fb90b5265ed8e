"""Sizes of memory as people write them."""

import re

from pumphouse.contracts.catalog import Deployment
from pumphouse.errors import Invalid

_MEMORY = re.compile("[1-9][0-9]{0,5}(MiB|GiB)")
_UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}


def bytes_of(text: str) -> int:
    """Of `512MiB` or `2GiB`. Raises Invalid."""
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise Invalid("it must be like '512MiB' or '2GiB'")
    unit = found[1]
    return int(text.removesuffix(unit)) * _UNITS[unit]


def memory_of(deployment: Deployment | None) -> int | None:
    """The limit of a deployment in bytes; None where it has none of its own."""
    if deployment is None or deployment.ram_request is None:
        return None
    return bytes_of(deployment.ram_request)
