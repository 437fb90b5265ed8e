"""From a requirements file to a lock: exact versions and hashes, and where they come from."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pumphouse.executor import uv
from pumphouse.executor.faults import BuildFailed
from pumphouse.executor.requirements import (
    filled_in,
    further_files,
    hashes_in,
    index_options,
    is_local,
    locked,
    variables_in,
    without_hash,
    without_values,
)
from pumphouse.executor.tool import Account, Tool

_LARGEST_FILE = 1 << 20
_MOST_FILES = 50


@dataclass(frozen=True)
class Lock:
    """text: with `${NAME}` for the values in its URLs. unhashed: requirements without a hash."""

    text: str
    unhashed: list[str]

    @property
    def depends_on_code(self) -> bool:
        return any(map(is_local, self.unhashed))


@dataclass
class Sources:
    """The requirements files of one copy of the code, with values for their variables.

    used: the variables in them. options: where packages come from, as the files say it. hashes: of
    packages that the files give hashes of.
    """

    code: Path
    variables: Mapping[str, str]
    used: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    hashes: dict[str, list[str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def fill_in(self, path: str) -> None:
        """Write the values into a file and those that it includes. Raises BuildFailed."""
        path = posixpath.normpath(path)
        if path in self._seen:
            return
        self._seen.add(path)
        if len(self._seen) > _MOST_FILES:
            raise BuildFailed(f"The requirements are more than {_MOST_FILES} files.")
        text = _text_of(self.code, path)
        self.used |= {n: self.variables[n] for n in variables_in(text) if n in self.variables}
        filled = filled_in(text, self.variables)
        folder = posixpath.dirname(path)
        self.options += index_options(text, folder)
        (self.code / path).write_text(filled, encoding="utf-8")
        self.hashes |= hashes_in(filled)
        for further in further_files(filled):
            self.fill_in(posixpath.join(folder, further))


async def lock_of(sources: Sources, path: str, python: Path, tool: Tool, account: Account) -> Lock:
    """Resolve the requirements at `path`, which are filled in. Raises BuildFailed."""
    target = sources.code.with_name("compiled.txt")
    await tool.run(
        *(uv.compile_arguments(path, target, python), sources.code, account),
        python=python,
        writable=[sources.code.parent],
    )
    text = locked(target.read_text(encoding="utf-8"), sources.options, sources.hashes)
    return Lock(without_values(text, sources.used), without_hash(text))


def _text_of(code: Path, path: str) -> str:
    if path.startswith(("/", "..")):
        raise BuildFailed(f"The requirements file {path!r} is not inside of the code.")
    file = code / path
    if not file.is_file():
        raise BuildFailed(f"The requirements file {path!r} is not in the code that was sent.")
    if file.stat().st_size > _LARGEST_FILE:
        raise BuildFailed(f"The requirements file {path!r} is larger than 1 MB.")
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BuildFailed(f"The requirements file {path!r} is not UTF-8: {error}.") from error
