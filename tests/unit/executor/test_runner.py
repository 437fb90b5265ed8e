"""The runner as a file: it must run in interpreters that are not ours."""

import ast
import sys

from pumphouse.executor.process import RUNNER


def test_the_runner_is_python_3_8() -> None:
    ast.parse(RUNNER.read_text(), feature_version=(3, 8))


def test_the_runner_imports_the_standard_library_alone() -> None:
    tree = ast.parse(RUNNER.read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_what_is_slow_to_import_is_imported_only_where_it_is_needed() -> None:
    at_the_top = {
        alias.name
        for node in ast.parse(RUNNER.read_text()).body
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not at_the_top & {"asyncio", "inspect", "threading", "ctypes", "subprocess"}
