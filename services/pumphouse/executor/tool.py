"""uv at work for the executor."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor import uv
from pumphouse.executor.commands import run_command
from pumphouse.executor.faults import BuildFailed
from pumphouse.executor.logs import Log
from pumphouse.executor.requirements import hidden
from pumphouse.executor.system_paths import prefixes_of
from pumphouse.executor.workshop import Workshop

_CREDENTIALS = re.compile(r"://[^/\s@]+@")
_IN_A_VIEW = {"HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108 - private to the view
_WORDS_LINES = 30
_WORDS_LENGTH = 4000
_ERROR_BEGINS = ("error:", "  \u00d7 ")


@dataclass(frozen=True)
class Account:
    """Where the lines of one build go, and which values must not be in them, by their names."""

    log: Log
    secret: Mapping[str, str]

    def hide(self, text: str) -> str:
        """The text without those values, and without the credentials of URLs."""
        return _CREDENTIALS.sub("://****@", hidden(text, self.secret))

    def take(self, line: bytes, cut: int) -> None:
        text = self.hide(line.decode("utf-8", "replace"))
        self.log.add("stderr", text.encode(), cut)


class Tool:
    """Runs uv, with one cache for all environments of this host.

    The cache is on the disk of the environments, whose files are links to it.
    """

    def __init__(self, cache: Path, workshop: Workshop | None = None) -> None:
        """workshop: what stands around it when it builds. Raises OSError."""
        self._program = uv.program()
        self._cache = cache
        self._workshop = workshop
        self._environment = uv.environment(cache)
        if workshop is not None:
            cache.mkdir(parents=True, exist_ok=True)
            workshop.own(cache)

    async def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        account: Account,
        *,
        python: Path,
        writable: Sequence[Path] = (),
    ) -> None:
        """Run it in a folder. Raises BuildFailed with its own words, and OSError.

        python: the interpreter that it is for. writable: further folders that it writes to.
        """
        last: deque[str] = deque(maxlen=_WORDS_LINES)

        def take(line: bytes, cut: int) -> None:
            account.take(line, cut)
            last.append(line.decode("utf-8", "replace"))

        places = [folder, *writable]
        around, environment = await asyncio.to_thread(self._around, python, places)
        status = await run_command(
            [*around, self._program, *arguments], take, folder=folder, environment=environment
        )
        if status != 0:
            words = words_of(list(last)) or f"uv ended with exit code {status}."
            raise BuildFailed(account.hide(words))

    def _around(self, python: Path, places: Sequence[Path]) -> tuple[list[str], dict[str, str]]:
        """What stands before the command, and what it finds in its environment."""
        if self._workshop is None:
            return [], self._environment
        for place in places:
            self._workshop.own(place)
        readable = [self._program, *prefixes_of(python), *uv.files_of(self._environment)]
        around = self._workshop.command(readable, [*places, self._cache])
        if not self._workshop.has_view:
            return around, self._environment
        return around, {**self._environment, **_IN_A_VIEW}

    async def answer(self, arguments: Sequence[str]) -> tuple[int, list[str]]:
        """Run it for what it prints; its exit status, and the lines."""
        lines: list[str] = []
        status = await run_command(
            [self._program, *arguments],
            lambda line, _: lines.append(line.decode("utf-8", "replace")),
            folder=Path("/"),
            environment={**self._environment, "UV_NO_CACHE": "1"},  # the cache is that of builds
            takes_output=True,
        )
        return status, lines


def words_of(lines: list[str]) -> str:
    """Of the last lines of a command that failed: what it says about why."""
    begins = [i for i, line in enumerate(lines) if line.startswith(_ERROR_BEGINS)]
    told = lines[begins[-1] :] if begins else lines[-10:]
    return "\n".join(told).removeprefix("error:").strip()[:_WORDS_LENGTH]
