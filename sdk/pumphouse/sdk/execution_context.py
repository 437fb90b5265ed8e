"""Which execution this code runs in, if it runs in one."""

import importlib
import os
from contextlib import suppress

_MODULE = "__craft_internal_execution_context"
_VARIABLE = "CRAFT_AI_EXECUTION_ID"


def current_execution_id() -> str | None:
    """The id; None outside of executions.

    An executor provides a module of this name, which tells executions that run side by side in
    one process apart.
    """
    with suppress(ImportError, LookupError):
        context = importlib.import_module(_MODULE)
        found: str = context.current_execution_id.get()
        return found
    return os.environ.get(_VARIABLE)
