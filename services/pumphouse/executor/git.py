"""git: which program it is, what it is told, and which settings it gets from ours."""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pumphouse.executor.faults import BuildFailed

REPOSITORY = "repository"
"""Name of the folder, in the one that the commands run in."""

_FETCHED = "refs/fetched"

_PASSED_ON = (
    *("PATH", "TMPDIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

_AUTHORITIES = {"GIT_SSL_CAINFO": "SSL_CERT_FILE", "GIT_SSL_CAPATH": "SSL_CERT_DIR"}
"""Settings of git, each with the one that other programs have for the same."""

_CONFIGURATION = {
    "init.defaultBranch": "main",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}

_SSH_OPTIONS = (
    *("BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "ForwardAgent=no"),
    *("StrictHostKeyChecking=accept-new", "HashKnownHosts=no", "UpdateHostKeys=no"),
    *("ConnectTimeout=30", "ServerAliveInterval=15", "LogLevel=ERROR"),
)

_NOISE = (
    *("hint:", "Warning: Permanently added", "Please make sure you have the correct access"),
    *("and the repository exists.", "fatal: Could not read from remote repository."),
)
_WORDS_LENGTH = 2000
_NO_ANONYMOUS = "could not read Username"


def check_programs(*names: str) -> None:
    """Return when there are these. Raises BuildFailed that says what to install."""
    for name in names:
        if shutil.which(name) is None:
            package = {"ssh": "openssh-client"}.get(name, name)
            raise BuildFailed(
                f"{name} is not installed where pipelines are built, so that this repository cannot"
                f" be fetched: ask the operator to install it (on Debian: {package})."
            )


def environment(
    home: Path, ssh_command: str | None, given: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What git finds in its environment: nothing of the platform's, and nobody's settings."""
    found = {name: text for name, text in given.items() if name in _PASSED_ON}
    for name, general in _AUTHORITIES.items():
        if name not in found and general in given:
            found[name] = given[general]
    return found | {
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:ssh",
        "GIT_LFS_SKIP_SMUDGE": "1",
        **({} if ssh_command is None else {"GIT_SSH_COMMAND": ssh_command}),
    }


def ssh_command(key: str, known_hosts: str) -> str:
    """What git runs for ssh: no settings of this host, and one key.

    The paths are relative to where git runs, as ssh gives a meaning to `%` and `$` in them.
    """
    options = (*_SSH_OPTIONS, f"IdentityFile={key}", f"UserKnownHostsFile={known_hosts}")
    return shlex.join(
        ["ssh", "-F", os.devnull, *(word for option in options for word in ("-o", option))]
    )


def init_arguments() -> list[str]:
    """Make an empty repository, without hooks."""
    return [*_git(), "init", "--quiet", "--bare", "--template=", REPOSITORY]


def fetch_arguments(url: str, branch: str | None) -> list[str]:
    """Fetch the last commit of a branch, None for the default one, and nothing else."""
    wanted = "HEAD" if branch is None else f"refs/heads/{branch}"
    return [
        *(*_git(), f"--git-dir={REPOSITORY}", "fetch", "--quiet", "--depth=1", "--no-tags"),
        *("--no-recurse-submodules", "--", url, f"{wanted}:{_FETCHED}"),
    ]


def commit_arguments() -> list[str]:
    """Print the id of the commit that was fetched."""
    return [*_git(), f"--git-dir={REPOSITORY}", "rev-parse", "--verify", f"{_FETCHED}^{{commit}}"]


def archive_arguments(target: str) -> list[str]:
    """Write the files of the commit that was fetched into a tar file."""
    return [
        *(*_git(), f"--git-dir={REPOSITORY}", "archive", "--format=tar", f"--output={target}"),
        f"{_FETCHED}^{{tree}}",
    ]


def words_of(lines: Sequence[str]) -> str:
    """Of the lines of a git that failed: what it says about why."""
    told = [line.strip() for line in lines if line.strip()]
    kept = [line for line in told if not line.startswith(_NOISE)] or told
    if any(_NO_ANONYMOUS in line for line in kept):
        kept.append(
            "It is private, or it is not there. For a private repository set its ssh address, and"
            " repository_deploy_key."
        )
    return "\n".join(line.removeprefix("fatal: ") for line in kept)[-_WORDS_LENGTH:]


def _git() -> list[str]:
    options = [f"{name}={value}" for name, value in _CONFIGURATION.items()]
    return ["git", *(word for option in options for word in ("-c", option))]
