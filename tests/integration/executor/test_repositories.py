"""Pipelines whose code is in git repositories, fetched by real programs from real servers."""

import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from pumphouse.contracts.vocabulary import PipelineStatus
from pumphouse.storage.keys import commit_archive_key
from tests.integration.executor.building import USE, Building, from_shelf
from tests.integration.executor.fetching import Fetching
from tests.integration.executor.platform import platform_in
from tests.processes import free_port
from tests.servers.git_https import HttpsServer, git_over_https
from tests.servers.git_repository import GitRepository
from tests.servers.git_ssh import SshServer, git_over_ssh

ONE = "def main():\n    return {'v': 1}\n"
TWO = "def main():\n    return {'v': 2}\n"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repositories")


@pytest.fixture
def https(repository: GitRepository, tmp_path: Path) -> Iterator[HttpsServer]:
    with git_over_https(repository.root, tmp_path) as server:
        yield server


@pytest.fixture
def trusted(https: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the repository on a server that executors trust."""
    monkeypatch.setenv("GIT_SSL_CAINFO", str(https.authority))
    return f"{https.url}/code.git"


@pytest.fixture
def ssh(repository: GitRepository) -> Iterator[SshServer]:
    with git_over_ssh(repository.root) as server:
        yield server


@pytest.fixture
async def fetching(building: Building) -> AsyncIterator[Fetching]:
    fetching = Fetching(building)
    yield fetching
    await fetching.platform.until(lambda: fetching.left_behind() == [])


async def test_the_default_branch_is_fetched_over_https(
    fetching: Fetching, repository: GitRepository, trusted: str
) -> None:
    repository.commit({"main.py": TWO}, "old")
    commit = repository.commit({"main.py": ONE}, "trunk")
    pipeline, end = await fetching.built(trusted)
    assert end.commit_id == commit
    assert end.archive == commit_archive_key(pipeline.id, commit)
    assert list(await fetching.files(end)) == ["main.py"]
    assert await fetching.run(pipeline, end) == 1
    log = fetching.building.log(pipeline)
    assert log[:2] == [f"[fetching the default branch of {trusted}]", f"[commit {commit}]"]


async def test_another_branch_is_fetched_when_it_is_named(
    fetching: Fetching, repository: GitRepository, trusted: str
) -> None:
    commit = repository.commit({"main.py": TWO}, "feature/two")
    repository.commit({"main.py": ONE}, "trunk")
    pipeline, end = await fetching.built(trusted, repository_branch="feature/two")
    assert end.commit_id == commit
    assert await fetching.run(pipeline, end) == 2


async def test_a_private_repository_is_fetched_over_ssh_with_its_key(
    fetching: Fetching, repository: GitRepository, ssh: SshServer
) -> None:
    commit = repository.commit({"main.py": ONE})
    pipeline, end = await fetching.built(f"{ssh.url}/code.git", ssh.key)
    assert end.commit_id == commit
    assert await fetching.run(pipeline, end) == 1
    assert "PRIVATE KEY" not in "\n".join(fetching.building.log(pipeline))


async def test_a_key_that_the_server_does_not_know_is_refused_in_its_words(
    fetching: Fetching, repository: GitRepository, ssh: SshServer, tmp_path: Path
) -> None:
    repository.commit({"main.py": ONE})
    with git_over_ssh(repository.root) as other:
        message = await fetching.failure(f"{ssh.url}/code.git", other.key)
    assert message.startswith("The repository could not be fetched: ")
    assert "Permission denied (publickey)" in message


async def test_a_server_that_has_another_host_key_than_before_is_not_trusted(
    fetching: Fetching, repository: GitRepository
) -> None:
    repository.commit({"main.py": ONE})
    port = free_port()
    for is_known in (True, False):
        with git_over_ssh(repository.root, port) as server:
            _, end = await fetching.end(f"{server.url}/code.git", server.key)
        assert (end.status is PipelineStatus.READY) == is_known
    assert "Host key verification failed" in (end.message or "")


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    fetching: Fetching, repository: GitRepository, https: HttpsServer
) -> None:
    repository.commit({"main.py": ONE})
    assert "certificate" in await fetching.failure(f"{https.url}/code.git")


async def test_the_authorities_of_other_programs_are_those_of_git(
    fetching: Fetching,
    repository: GitRepository,
    https: HttpsServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit({"main.py": ONE})
    monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(https.authority))
    await fetching.built(f"{https.url}/code.git")


async def test_what_is_not_there_is_named(
    fetching: Fetching, repository: GitRepository, trusted: str
) -> None:
    repository.commit({"main.py": ONE})
    branch = await fetching.failure(trusted, repository_branch="nope")
    assert branch.endswith("couldn't find remote ref refs/heads/nope")
    assert "not found" in await fetching.failure(trusted.replace("code", "nope"))
    closed = await fetching.failure(f"https://127.0.0.1:{free_port()}/code.git")
    assert "onnect" in closed


async def test_a_repository_that_asks_for_a_password_is_private(
    fetching: Fetching,
    repository: GitRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit({"main.py": ONE})
    with git_over_https(repository.root, tmp_path, password="s3cret") as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.authority))
        message = await fetching.failure(f"{server.url}/code.git")
    assert "set its ssh address, and repository_deploy_key" in message


async def test_requirements_of_a_repository_are_installed(
    fetching: Fetching, repository: GitRepository, trusted: str, tiny: Path
) -> None:
    wanted = from_shelf(tiny, "tiny==2.0")
    repository.commit({"src/main.py": USE, "src/wanted.txt": wanted, "large.bin": "x" * 6_000_000})
    pipeline, end = await fetching.built(
        trusted, path="src/main.py", requirements_path="src/wanted.txt", included_folders=["/src/"]
    )
    assert sorted(await fetching.files(end)) == ["src/main.py", "src/wanted.txt"]
    assert await fetching.run(pipeline, end) == "2.0"


async def test_a_whole_repository_travels_as_it_is(
    fetching: Fetching, repository: GitRepository, trusted: str
) -> None:
    repository.commit(
        {
            ".gitattributes": "kept.txt export-ignore\nversion.txt export-subst\n",
            ".gitmodules": "",
            "kept.txt": "kept",
            "version.txt": "$Format:%H$",
            "model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "package/real.py": ONE,
            "main.py": Path("package/real.py"),
        }
    )
    pipeline, end = await fetching.built(trusted)
    files = await fetching.files(end)
    assert sorted(files) == [
        *(".gitattributes", ".gitmodules", "kept.txt", "main.py", "model.bin"),
        *("package/real.py", "version.txt"),
    ]
    assert files["main.py"].isreg()
    assert files["version.txt"].size == len("$Format:%H$")
    assert await fetching.run(pipeline, end) == 1
    log = fetching.building.log(pipeline)
    assert any("submodules" in line for line in log)
    assert any("model.bin is in Git LFS" in line for line in log)


@pytest.mark.parametrize(
    ("files", "container", "named"),
    [
        ({"other.py": ONE}, {}, "no 'main.py' on this branch: see function_path"),
        ({}, {}, "no 'main.py'"),
        ({"main.py": "x = 1"}, {}, "no function 'main'"),
        ({"main.py": "def main(:"}, {}, "main.py, line 1"),
        ({"main.py": ONE}, {"included_folders": ["src"]}, "no 'src'"),
        ({"main.py": ONE}, {"requirements_path": "all.txt"}, "see requirements_path"),
        ({"main.py": ONE, "big": "x" * 6_000_000}, {}, "the largest is 'big'"),
        ({"main.py": ONE, "out": Path("../../etc/passwd")}, {}, "'out'"),
    ],
)
async def test_what_cannot_run_fails_with_what_to_change(
    fetching: Fetching,
    repository: GitRepository,
    trusted: str,
    files: dict[str, str | Path],
    container: dict[str, Any],
    named: str,
) -> None:
    repository.commit(files)
    assert named in await fetching.failure(trusted, **container)


async def test_an_archive_belongs_to_the_commit_of_its_build_however_often_it_is_built(
    fetching: Fetching, repository: GitRepository, trusted: str
) -> None:
    first = repository.commit({"main.py": ONE})
    pipeline, one = await fetching.built(trusted)
    second = repository.commit({"main.py": TWO})
    await fetching.building.ask(pipeline)
    await fetching.platform.until(lambda: len(fetching.building.ends(pipeline)) == 2, 60)
    two = fetching.building.ends(pipeline)[1]
    assert (one.commit_id, two.commit_id) == (first, second)
    assert await fetching.run(pipeline, one) == 1
    assert await fetching.run(pipeline, two) == 2


@pytest.mark.parametrize(("present", "package"), [((), "git"), (("git",), "openssh-client")])
async def test_a_program_that_is_missing_is_to_be_installed(
    fetching: Fetching,
    ssh: SshServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    present: tuple[str, ...],
    package: str,
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in present:
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))
    message = await fetching.failure(f"{ssh.url}/code.git", ssh.key)
    assert f"on Debian: {package})" in message


async def test_a_server_that_says_nothing_is_given_up(
    tmp_path: Path, store_url: str, ssh: SshServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"ssh://git@127.0.0.1:{silent.getsockname()[1]}/code.git"
        async with platform_in(tmp_path, store_url) as platform:
            platform.settings = replace(platform.settings, build_timeout_s=2)
            async with platform.executor():
                building = Building(platform)
                await building.serve()
                fetching = Fetching(building)
                message = await fetching.failure(address, ssh.key)
                assert message == "The build exceeded its time limit of 2 s and was stopped."
                await platform.until(lambda: fetching.left_behind() == [])
                assert not any(map(is_of_git, platform.processes()))


def is_of_git(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # an interpreter that has ended meanwhile
        return process.name() in ("git", "ssh")
    return False
