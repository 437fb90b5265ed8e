"""Where a zygote starts: `python -I -B -X utf8 start.py DESCRIPTOR`, a socket to the executor.

The runner is standard library of Python >= 3.8 alone. User code shares the process with it, so the
executor trusts nothing that comes out of it, and it hides: its modules leave `sys.modules` and its
folder `sys.path` before anything else is imported, so that user code finds no module of ours.
"""

import os
import sys

_PACKAGE = "pumphouse"
_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


def main(descriptor: int) -> None:
    sys.path.insert(0, _ROOT)
    from pumphouse.executor.runner.zygote import Zygote

    sys.path.remove(_ROOT)
    sys.path_importer_cache.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    Zygote(descriptor).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
