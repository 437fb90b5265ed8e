"""The runner as files: they must run in interpreters that are not ours."""

import ast
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumphouse.executor import endings
from pumphouse.executor.runner import channel, jobs, loading, parallel
from pumphouse.executor.zygote import START

FILES = sorted(START.parent.glob("*.py"))
LATE = {"parallel.py"}
"""Loaded where it is needed."""

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


@each_file
def test_the_runner_is_python_3_8(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=(3, 8))


@each_file
def test_the_runner_imports_itself_and_the_standard_library_alone(file: Path) -> None:
    tree = ast.parse(file.read_text())
    for_checkers = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if node not in for_checkers
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {*sys.stdlib_module_names, "pumphouse"}


@pytest.mark.parametrize("file", [f for f in FILES if f.name not in LATE], ids=lambda f: f.name)
def test_what_is_slow_to_import_is_imported_only_where_it_is_needed(file: Path) -> None:
    at_the_top = {
        alias.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not at_the_top & {"asyncio", "inspect", "threading", "subprocess"}


def test_all_agree_on_the_exit_status_of_a_broken_channel() -> None:
    statuses = {module.CHANNEL_BROKEN for module in (channel, parallel, endings)}
    assert len(statuses) == 1


def plain() -> None: ...


async def coroutine() -> None: ...


class Callable:
    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (plain, False),
        (coroutine, True),
        (functools.partial(plain), False),
        (functools.partial(functools.partial(coroutine)), True),
        (Callable(), True),
        (Callable().method, True),
        (lambda: coroutine(), False),
        (len, False),
        (dict, False),
    ],
)
def test_a_coroutine_function_is_known_before_it_is_called(function: Any, expected: bool) -> None:
    assert loading.is_async(function) is expected


@pytest.fixture
def environment() -> Iterator[None]:
    """Put back as it was."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("environment")
def test_variables_replace_all_that_were_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_bare_environment", {"PATH": "/bin"})
    os.environ["OLD"] = "x"
    jobs.set_environment({"NEW": "1"})
    assert dict(os.environ) == {"PATH": "/bin", "NEW": "1"}
    jobs.set_environment({"NEW": "2", "PATH": "/other"})
    assert dict(os.environ) == {"PATH": "/other", "NEW": "2"}
