"""Which libraries the code of a pipeline will import, as far as its text tells."""

import ast
from collections.abc import Iterator
from pathlib import Path

_MOST_FILES = 200
_LARGEST_FILE = 1 << 20

_NEVER = frozenset({"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "test"})
"""Modules that do something when they are imported."""


def libraries_of(folder: Path) -> set[str]:
    """Full names of modules that files below `folder` import, without those files themselves.

    It reads them and runs nothing. What cannot be read as Python is left out. Blocks.
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
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
