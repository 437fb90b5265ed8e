"""What this host can do for executions, told to whoever runs it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pumphouse.executor.allowance import size_text
from pumphouse.executor.cgroups import NoCgroups, find_parents
from pumphouse.executor.enclosures import limits_of, users_of
from pumphouse.executor.interpreters import blank_interpreter
from pumphouse.executor.isolation import Isolation, Level
from pumphouse.executor.probing import find_isolation
from pumphouse.executor.pythons import Pythons
from pumphouse.executor.settings import Settings
from pumphouse.executor.tool import Tool
from pumphouse.executor.walls import Limits
from pumphouse.executor.workspace import open_workspace

_TITLES = {
    Level.PLAIN: "processes with limits, and no walls: run only code that you trust",
    Level.BARRED: "walls around every execution, in the host's own view of its disk",
    Level.WALLED: "walls, and a view of the disk and of processes of their own",
}


_WIDTH = 19


@dataclass(frozen=True)
class Examination:
    """no_groups: why memory is not counted by control groups; empty when it is."""

    isolation: Isolation
    no_groups: str
    limits: Limits
    pythons: list[str]
    settings: Settings

    @property
    def is_enough(self) -> bool:
        return self.isolation.level >= self.settings.require_isolation

    def lines(self) -> Iterator[str]:
        """For a person."""
        isolation, limits, settings = self.isolation, self.limits, self.settings
        yield _line(
            "isolation", f"level {isolation.level} of {max(Level):d}: {_TITLES[isolation.level]}"
        )
        for name, stands in (
            ("bubblewrap", isolation.has_view),
            ("users of a pool", isolation.has_user),
            ("Landlock", isolation.has_bars),
            ("seccomp", isolation.has_bars),
            ("own /tmp", isolation.has_folders),
            ("own signals", isolation.is_scoped),
        ):
            yield _line(f"  {name}", "yes" if stands else "no")
        yield _line("  control groups", f"no: {self.no_groups}" if self.no_groups else "yes")
        yield from (_line("  missing", reason) for reason in isolation.missing)
        if not self.is_enough:
            required = settings.require_isolation
            yield _line("", f"PUMPHOUSE_REQUIRE_ISOLATION is {required}: no executor starts here")
        memory = limits.memory_bytes
        yield _line("limits", "of one execution, where its deployment has none")
        yield _line("  memory", "what there is" if memory is None else size_text(memory))
        yield _line("  processes", f"{limits.processes} with threads")
        yield _line("  open files", f"{limits.open_files}")
        yield _line("  disk", size_text(limits.file_bytes))
        yield _line("  time", f"{settings.execution_timeout_s} s")
        yield _line("Python", ", ".join(self.pythons))
        for program in ("git", "ssh"):
            yield _line(program, shutil.which(program) or "no: no pipeline can come by it")


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"


async def examine(settings: Settings) -> Examination:
    """Try what an executor with these settings would try at its start.

    Raises PlatformFault and OSError when its work folder cannot be used, and Invalid.
    """
    work_dir = Path(settings.work_dir).absolute()
    limits = limits_of(settings)
    async with open_workspace(work_dir) as workspace:
        isolation = await find_isolation(
            await blank_interpreter(work_dir),
            *(workspace, users_of(settings, work_dir), limits, settings.readable_paths),
            best=Level(settings.isolation),
        )
    try:
        find_parents(is_root=os.geteuid() == 0)
        no_groups = ""
    except NoCgroups as error:
        no_groups = error.message
    pythons = await Pythons(Tool(work_dir / "uv-cache")).versions()
    return Examination(isolation, no_groups, limits, pythons, settings)
