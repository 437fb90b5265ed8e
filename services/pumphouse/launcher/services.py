"""The table of services, which the launcher and the deployments of the full stack go by."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from pumphouse.bus import Bus
from pumphouse.settings import FILE, variable

SERVICES = ("registry", "mapping-resolver", "executor", "scheduler", "gateway")
"""Names as on the wire, in the order in which they best start; they stop in the reverse one."""

Running = Callable[[Any, Bus], AbstractAsyncContextManager[Any]]


def settings_of(service: str) -> type[msgspec.Struct]:
    """What the service can be told."""
    kind: type[msgspec.Struct] = _module(service, "settings").Settings
    return kind


def running_of(service: str) -> Running:
    """The service at work while the context is open. Loads its code, and no other service's."""
    running: Running = _module(service, "app").running
    return running


def environment_for(
    service: str, values: Mapping[str, str], outer: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Those of `values`, by field name, that the service knows, as environment variables.

    outer: an environment to have them in; what it says of the same settings is left out.
    """
    known = (field.name for field in msgspec.structs.fields(settings_of(service)))
    given = {variable(name): values[name] for name in known if name in values}
    return {
        name: text for name, text in (outer or {}).items() if name.removesuffix(FILE) not in given
    } | given


def _module(service: str, part: str) -> Any:
    return importlib.import_module(f"pumphouse.{service.replace('-', '_')}.{part}")
