"""Write `pumphouse/sdk/sync` anew: what `pumphouse/sdk/aio` does, as plain calls.

With --check nothing is written, and it fails when the two differ.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

SDK = Path(__file__).parent / "pumphouse" / "sdk"
STYLE = Path(__file__).parents[1] / "pyproject.toml"
SOURCE, TARGET = SDK / "aio", SDK / "sync"
BY_HAND = frozenset({"__init__.py", "concurrency.py"})

HEADER = "# Generated from pumphouse/sdk/aio/{name} by `make sdk`: change that file instead.\n"

REPLACEMENTS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\basync (def|with|for)\b", r"\1"),
        (r"\bawait ", ""),
        (r"\bAwaitable\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"\1"),
        (r", Awaitable\b|\bAwaitable, ", ""),
        (r"\bAsync(PumphouseSdk|Iterator)\b", r"\1"),
        (r"\bhttpx\.Async(Client|BaseTransport)\b", r"httpx.\1"),
        (r"\b__a(enter|exit|iter)__\b", r"__\1__"),
        (r"\ba(close|iter_raw)\(", r"\1("),
        (r"\banext\(", "next("),
        (r"\bpumphouse\.sdk\.aio\b", "pumphouse.sdk.sync"),
        (r"Safe for( |\n +)many( |\n +)tasks( |\n +)of( |\n +)one event loop", "Thread-safe"),
        (r"\bas coroutines\b", "as plain calls"),
    )
]


def translated(name: str, text: str) -> str:
    """A module of `aio` without what makes it asynchronous; not formatted yet."""
    for pattern, replacement in REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return HEADER.format(name=name) + text


def generated() -> dict[str, str]:
    """The modules of `sync` by file name."""
    with TemporaryDirectory() as folder:
        for source in sorted(SOURCE.glob("*.py")):
            if source.name not in BY_HAND:
                text = translated(source.name, source.read_text())
                (Path(folder) / source.name).write_text(text)
        _ruff("check", "--quiet", "--select", "I,UP028", "--fix", "--unsafe-fixes", folder)
        _ruff("format", "--quiet", folder)
        return {path.name: path.read_text() for path in Path(folder).glob("*.py")}


def differing(expected: dict[str, str]) -> list[str]:
    """Names of files in `sync` that are not as they would be generated."""
    found = {path.name: path.read_text() for path in TARGET.glob("*.py")}
    names = sorted((found.keys() | expected.keys()) - BY_HAND)
    return [name for name in names if found.get(name) != expected.get(name)]


def write(expected: dict[str, str]) -> None:
    for name in differing(expected):
        if name in expected:
            (TARGET / name).write_text(expected[name])
        else:
            (TARGET / name).unlink()


def _ruff(*arguments: str) -> None:
    command = [sys.executable, "-m", "ruff", *arguments, "--config", str(STYLE)]
    subprocess.run(command, check=True)  # noqa: S603 - a tool of ours, on files of ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if they differ")
    expected = generated()
    if not parser.parse_args().check:
        write(expected)
    elif names := differing(expected):
        sys.exit(f"Not as generated, say make sdk: {', '.join(names)}")


if __name__ == "__main__":
    main()
