"""Tries walls where they would stand: `python -I canary.py WALLS`, as JSON, prints what stands.

Standing in for a child that waits for work, it does so in a process that it forks.
"""

from __future__ import annotations

import json
import os
import sys
import types

_HERE = os.path.dirname(os.path.abspath(__file__))


def provide_package() -> None:
    """Make this folder importable by its name, and nothing else of the platform."""
    for name, path in (
        ("pumphouse", []),
        ("pumphouse.executor", []),
        ("pumphouse.executor.runner", [_HERE]),
    ):
        package = types.ModuleType(name)
        package.__path__ = path
        sys.modules[name] = package


def hindrance(path: str, mode: str) -> str:
    """Why a file cannot be opened, if so."""
    try:
        with open(path, mode):
            return ""
    except OSError as error:
        return str(error)


def main() -> None:
    provide_package()
    from pumphouse.executor.runner import walls

    walls.prepare()
    pid = os.fork()
    if pid == 0:
        wanted = json.loads(sys.argv[1])
        found = walls.raise_walls(wanted)
        found["folder"] = hindrance(os.path.join(wanted["files"]["writable"][0], "canary"), "w")
        found["interpreter"] = hindrance(os.path.realpath(sys.executable), "rb")
        print(json.dumps(found), flush=True)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status)


if __name__ == "__main__":
    main()
