"""Stands in for a zygote: `python -I -B walled_zygote.py RUNNER`, with attempts as JSON on stdin.

Each is run in a child of its own, one after the other, beside a neighbour that stands behind walls.
For each it writes a line: what the walls said, and the value of `result` or the error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback


def main(runner: str) -> None:
    sys.path.insert(0, runner)
    import canary  # type: ignore[import-not-found]

    canary.provide_package()
    sys.path.remove(runner)
    from pumphouse.executor.runner import walls

    walls.prepare()
    given = json.loads(sys.stdin.read())
    names = {**given["names"], "zygote": os.getpid()}
    ready, tell = os.pipe()
    neighbour = os.fork()
    if neighbour == 0:
        walls.raise_walls(given["neighbour"])
        os.write(tell, b"!")
        signal.pause()
    os.close(tell)
    os.read(ready, 1)
    for attempt in given["attempts"]:
        pid = os.fork()
        if pid == 0:
            run(walls, attempt, {**names, "neighbour": neighbour})
        _, status = os.waitpid(pid, 0)
        if status:
            print(json.dumps({"walls": {}, "error": f"ended by {status}"}), flush=True)
    os.kill(neighbour, signal.SIGKILL)


def run(walls, attempt, names) -> None:  # type: ignore[no-untyped-def]
    said = walls.raise_walls(attempt["walls"]) if attempt["walls"] else {}
    os.chdir(names["folder"])
    sys.path.insert(0, names["folder"])
    try:
        exec(attempt["code"], names)
        found = {"result": names.get("result")}
    except BaseException as error:
        found = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    print(json.dumps({"walls": said, **found}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
