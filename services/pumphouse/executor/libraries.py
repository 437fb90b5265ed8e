"""Which libraries the code of a pipeline will import, as far as its text tells.

It is only looked at: Python's own parser and compiler can be made to crash by what they read, and
syntax trees may fail where several threads make some at once (python/cpython#106905).
"""

import re
from collections.abc import Iterator
from pathlib import Path

_MOST_FILES = 200
_LARGEST_FILE = 1 << 20

_NEVER = frozenset({"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "test"})
"""Modules that do something when they are imported."""

_PROSE = re.compile(r"""#.*|(\"{3}|'{3})[\s\S]*?\1""")
"""Comments, and texts of several lines."""

_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+(\w[\w.]*)[ \t]+import\b|import[ \t]+([^;\n]+))", re.MULTILINE
)


def libraries_of(folder: Path) -> set[str]:
    """Full names of modules that files below `folder` import, without those files themselves.

    What looks like an import is taken for one. Blocks.
    """
    own = {path.name.removesuffix(".py") for path in folder.iterdir()}
    found: set[str] = set()
    for number, path in enumerate(folder.rglob("*.py")):
        if number == _MOST_FILES:
            break
        found.update(_imports_of(path))
    return {name for name in found if is_library(name) and name.partition(".")[0] not in own}


def is_library(name: str) -> bool:
    """Whether it is the name of a module that can be imported without consequences."""
    parts = name.split(".")
    is_plain = all(part.isidentifier() for part in parts) and "__main__" not in parts
    return is_plain and parts[0] not in _NEVER


def _imports_of(path: Path) -> Iterator[str]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return
    for origin, names in _IMPORT.findall(_PROSE.sub("", text).replace("\\\n", " ")):
        yield from (name.split()[0] for name in (origin or names).split(",") if name.strip())
