"""Pages of the guide as programs: their blocks, run in order, print what they say they print."""

import contextlib
import doctest
import gc
import io
import os
import re
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+/\S+\.py)\n")


@dataclass(frozen=True)
class Block:
    """language: python, bash, js or text; the text after a program is what it prints."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The path of the file that a block shows, which its first line names."""
        found = _FILE.match(self.text)
        return found[1] if found and self.language == "python" else None


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


@dataclass
class Reader:
    """Someone who tries a page out, in the current folder.

    environment: of the programs in other languages. node_folder: has their packages.
    """

    environment: Mapping[str, str]
    node_folder: Path

    def try_out(self, page: Path) -> None:
        """Run the page. Fails where a program prints something else than the page says."""
        names: dict[str, Any] = {"__name__": page.stem}
        try:
            self._try_out(page, names)
        finally:
            _end(names)

    def _try_out(self, page: Path, names: dict[str, Any]) -> None:
        for block, said in _with_answers(blocks_of(page)):
            if block.file:
                Path(block.file).parent.mkdir(exist_ok=True)
                Path(block.file).write_text(block.text)
                continue
            printed = self._run(block, names)
            checker = doctest.OutputChecker()
            assert checker.check_output(said, printed, doctest.ELLIPSIS), (
                f"{page.name} says\n{said}\nbut\n{block.text}\nprints\n{printed}"
            )

    def _run(self, block: Block, names: dict[str, Any]) -> str:
        match block.language:
            case "python":
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(block.text, "<page>", "exec"), names)
                return printed.getvalue()
            case "bash":
                return self._shell(["bash", "-euo", "pipefail", "-c", block.text], names)
            case "js":
                program = self.node_folder / "page.cjs"
                program.write_text(block.text)
                return self._shell(["node", str(program)], names)
        raise AssertionError(f"nobody can run {block.language}")

    def _shell(self, command: list[str], names: Mapping[str, Any]) -> str:
        token = names.get("endpoint", {}).get("endpoint_token", "")
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment, "ENDPOINT_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n") + "\n"


def _with_answers(blocks: list[Block]) -> Iterator[tuple[Block, str]]:
    for block, following in zip(blocks, [*blocks[1:], Block("", "")], strict=True):
        if block.language != "text":
            yield block, following.text if following.language == "text" else ""


def _end(names: dict[str, Any]) -> None:
    """Forget what a page has named, as when a program ends that closes nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        names.clear()
        gc.collect()
