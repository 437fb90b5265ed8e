"""The versions of Python that this host has."""

import json
import platform
import sys
from pathlib import Path

from pumphouse.contracts.catalog import Environment
from pumphouse.executor import uv
from pumphouse.executor.faults import BuildFailed
from pumphouse.executor.languages import OLDEST
from pumphouse.executor.tool import Tool

OWN = ".".join(platform.python_version_tuple()[:2])


class Pythons:
    """Looks each version up once."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self._found = {OWN: Path(sys.executable).resolve()}

    async def find(self, version: str) -> Path:
        """An interpreter of the version `3.X`. Raises BuildFailed that says which there are."""
        known = self._found.get(version)
        if known is None or not known.exists():
            known = self._found[version] = await self._look_for(version)
        return known

    async def _look_for(self, version: str) -> Path:
        status, lines = await self._tool.answer(uv.find_arguments(version))
        if status == 0 and lines and (path := Path(lines[-1])).is_absolute():
            return path
        there = ", ".join(await self.versions())
        raise BuildFailed(
            f"Python {version} is not installed where pipelines are built. There is: {there}."
        )

    async def versions(self) -> list[str]:
        """Those that there are, the oldest first."""
        return sorted({OWN, *await self._versions()}, key=_order)

    async def _versions(self) -> list[str]:
        _, lines = await self._tool.answer(uv.list_arguments())
        try:
            listed = json.loads(next(line for line in reversed(lines) if line.startswith("[")))
            versions = [
                f"{p['version_parts']['major']}.{p['version_parts']['minor']}" for p in listed
            ]
        except (StopIteration, ValueError, KeyError, TypeError):
            return []
        return [version for version in versions if _order(version) >= OLDEST]


def is_blank(environment: Environment) -> bool:
    """Whether it is what every executor has anyway: its own Python with nothing installed."""
    return environment.lock is None and environment.python == OWN


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
