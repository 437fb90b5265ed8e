"""The user's function, and the call of it."""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from pumphouse.executor.runner.failures import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_CO_COROUTINE = 0x80


def load(folder: str, file: str, function: str) -> Callable[..., Any]:
    """Import the user's file by its path and return the function in it."""
    path = os.path.join(folder, file)
    if not os.path.isfile(path):
        raise Refused(f"The pipeline's code has no file {file!r}.")
    name = os.path.splitext(file)[0].replace("/", ".")
    if name in sys.modules:
        name = "pipeline_" + name
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # As its exec_module does, but for looking whether the file is compiled: it is new.
    exec(loader.source_to_code(loader.get_data(path), path), module.__dict__)  # noqa: S102 - user
    found = getattr(module, function, None)
    if found is None:
        raise Refused(f"The file {file!r} defines no function {function!r}.")
    if not callable(found):
        raise Refused(f"{function!r} in the file {file!r} is not a function.")
    return found  # type: ignore[no-any-return]


def arguments(function: Callable[..., Any], job: dict[str, Any]) -> dict[str, Any]:
    """The inputs; one that nobody gave is left to the function's own default, if it has one."""
    given: dict[str, Any] = job["inputs"]
    if not job["absent"]:
        return given
    import inspect

    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return given
    defaulted = {name for name, p in parameters.items() if p.default is not p.empty}
    return {n: v for n, v in given.items() if n not in job["absent"] or n not in defaulted}


def is_async(function: Any) -> bool:
    """Whether a call of it is a coroutine, as far as can be told before."""
    while isinstance(function, functools.partial):
        function = function.func
    if not hasattr(function, "__code__"):
        function = function.__call__
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & _CO_COROUTINE)
