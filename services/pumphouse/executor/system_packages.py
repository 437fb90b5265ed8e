"""Packages of the operating system that a pipeline asks for, which are not installed for it."""

import asyncio
import shutil
from collections.abc import Sequence


async def remarks_on(packages: Sequence[str]) -> list[str]:
    """What there is to say of each."""
    query = shutil.which("dpkg-query")
    return [await _remark(query, package) for package in packages]


async def _remark(query: str | None, package: str) -> str:
    if query is None:
        return f"the system package {package} is not installed for pipelines, nor can it be checked"
    if await _is_installed(query, package.partition("=")[0]):
        return f"the system package {package} is on this machine already"
    return (
        f"the system package {package} is not on this machine, and is not installed for pipelines:"
        " ask the operator for it"
    )


async def _is_installed(query: str, package: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *(query, "--show", "--showformat=${db:Status-Status}", "--", package),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    answer, _ = await process.communicate()
    return answer == b"installed"
