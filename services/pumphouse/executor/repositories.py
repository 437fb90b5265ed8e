"""The code of pipelines that is in git repositories."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pumphouse.archives import check_archive, check_context
from pumphouse.contracts.catalog import Code, Pipeline
from pumphouse.errors import Invalid
from pumphouse.executor import git
from pumphouse.executor.commands import run_command
from pumphouse.executor.faults import BuildFailed, PlatformFault
from pumphouse.executor.logs import Log
from pumphouse.executor.packing import packed
from pumphouse.executor.tool import Account
from pumphouse.executor.workspace import Workspace

_WORDS_LINES = 30
_KEY = "key"
_TREE = "tree.tar"
_PLAIN = "* -export-ignore -export-subst\n"
"""Attributes by which an archive has what a clone has."""


@dataclass(frozen=True)
class FetchedCode:
    """archive: a gzip tar, the same bytes whenever it is made of this commit."""

    commit_id: str
    archive: bytes


class Repositories:
    """Fetches one commit, alone. known_hosts: a file of the keys that ssh servers once had."""

    def __init__(
        self, workspace: Workspace, known_hosts: Path, open_seal: Callable[[str], str]
    ) -> None:
        self._workspace = workspace
        self._known_hosts = known_hosts
        self._open_seal = open_seal

    async def fetch(self, pipeline: Pipeline, log: Log) -> FetchedCode:
        """The code as its branch has it now. Raises BuildFailed and PlatformFault."""
        with self._workspace.folder("fetch") as place:
            try:
                place.mkdir(mode=0o700, parents=True)
                commit_id = await self._fetch(pipeline, place, Account(log, {}))
                log.note(f"commit {commit_id}")
                code = await asyncio.to_thread(packed, place / _TREE, pipeline)
            except OSError as error:
                raise PlatformFault(f"The repository cannot be fetched: {error}") from error
        for remark in code.remarks:
            log.note(remark)
        try:
            await asyncio.to_thread(_check, code.archive, pipeline.code)
        except Invalid as error:
            raise BuildFailed(error.message) from error
        return FetchedCode(commit_id, code.archive)

    async def _fetch(self, pipeline: Pipeline, place: Path, account: Account) -> str:
        """Have the files of the newest commit in a tar file; its id."""
        url, branch = (pipeline.container[key] for key in ("repository_url", "repository_branch"))
        ssh = None
        if pipeline.deploy_key is not None:
            ssh = git.ssh_command(_KEY, os.path.relpath(self._known_hosts, place))
        git.check_programs("git", *([] if ssh is None else ["ssh"]))
        run = _Runner(place, git.environment(place, ssh), account)
        await run(git.init_arguments())
        attributes = place / git.REPOSITORY / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(_PLAIN)
        account.log.note(f"fetching {'the default branch' if branch is None else branch} of {url}")
        try:
            if pipeline.deploy_key is not None:
                _write_key(place / _KEY, self._open_seal(pipeline.deploy_key))
            await run(git.fetch_arguments(url, branch), "The repository could not be fetched: ")
        finally:
            (place / _KEY).unlink(missing_ok=True)
        await run(git.archive_arguments(_TREE))
        return (await run(git.commit_arguments(), takes_output=True))[-1]


@dataclass(frozen=True)
class _Runner:
    """Runs git in a folder."""

    place: Path
    environment: dict[str, str]
    account: Account

    async def __call__(
        self, command: list[str], lament: str = "", *, takes_output: bool = False
    ) -> list[str]:
        """Its last lines. Raises BuildFailed with `lament` and its own words."""
        last: deque[str] = deque(maxlen=_WORDS_LINES)

        def take(line: bytes, cut: int) -> None:
            if not takes_output:
                self.account.take(line, cut)
            last.append(line.decode("utf-8", "replace"))

        status = await run_command(
            command,
            take,
            folder=self.place,
            environment=self.environment,
            takes_output=takes_output,
        )
        if status != 0:
            words = git.words_of(list(last)) or f"git ended with exit code {status}."
            raise BuildFailed(lament + self.account.hide(words))
        return list(last)


def _write_key(file: Path, key: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(key)


def _check(archive: bytes, code: Code) -> None:
    if code.dockerfile is None:
        check_archive(archive, code.function_path, code.function_name)
    else:
        check_context(archive, code.dockerfile)
