"""What can be seen of compose/Dockerfile without a Docker engine."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from tests.compose_file import COMPOSE_FILE, document

ROOT = COMPOSE_FILE.parents[1]

DOCKERFILE = ROOT / "compose" / "Dockerfile"


def instructions() -> list[list[str]]:
    """The words of each instruction."""
    lines = DOCKERFILE.read_text().replace("\\\n", " ").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def copied() -> Iterator[str]:
    """Paths that come from the build context."""
    for words in instructions():
        if words[0] == "COPY" and not words[1].startswith("--from="):
            yield from words[1:-1]


def is_in_context(path: str) -> bool:
    """Whether .dockerignore lets it in: the last line that names it or a folder above counts."""
    is_in = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        above = [path, *(str(parent) for parent in Path(path).parents)]
        if not line.startswith("#") and any(_matches(one, pattern) for one in above):
            is_in = line.startswith("!")
    return is_in


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(path.rpartition("/")[2], pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern)


def test_what_is_copied_is_there_and_in_the_context() -> None:
    paths = list(copied())
    assert paths
    for path in paths:
        name = path.rstrip("/")
        assert (ROOT / name).exists(), name
        assert is_in_context(name), name


def test_what_is_not_copied_is_not_in_the_context() -> None:
    for path in ("compose/secrets/amqp_url", ".git/config", ".venv/bin/python", ".env", "tests"):
        assert not is_in_context(path), path
    assert not is_in_context("shared/pumphouse/bus/__pycache__/x.pyc")


def test_packages_are_installed_by_hash_and_from_nowhere_else() -> None:
    commands = [" ".join(words) for words in instructions() if words[0] == "RUN"]
    steps = [set(step.split()) for command in commands for step in command.split("&&")]
    pip = [step for step in steps if "pip" in step and {"wheel", "install"} & step]
    fetching = [step for step in pip if "--no-index" not in step]
    assert len(fetching) == 1
    assert "--require-hashes" in fetching[0]


def test_the_image_runs_as_an_ordinary_user_and_has_no_step_of_the_build() -> None:
    stages = [index for index, words in enumerate(instructions()) if words[0] == "FROM"]
    last = instructions()[stages[-1] :]
    assert len(stages) > 1
    assert [words[1] for words in last if words[0] == "USER"] == ["10001"]
    assert not [words for words in last if "pip" in words]


def test_the_image_has_what_fetches_repositories() -> None:
    stages = [index for index, words in enumerate(instructions()) if words[0] == "FROM"]
    installing = [words for words in instructions()[stages[-1] :] if "apt-get" in words]
    assert len(installing) == 1
    assert {"ca-certificates", "git", "openssh-client"} <= set(installing[0])


def test_every_service_is_built_by_it() -> None:
    builds = [one["build"] for one in document()["services"].values() if "build" in one]
    assert len(builds) == 5
    for build in builds:
        assert (COMPOSE_FILE.parent / build["context"]).resolve() == ROOT
        assert ROOT / build["dockerfile"] == DOCKERFILE
