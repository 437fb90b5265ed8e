"""Every program of the user guide does what its page says."""

from pathlib import Path

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.acceptance.conftest import Platform
from tests.acceptance.guides.pages import Reader, blocks_of

GUIDE = Path(__file__).parents[3] / "docs" / "guide"

NEEDS_NOTHING = ["files", "inside-executions", "isolation", "low-latency", "pipelines"]
NEEDS_ADD = [
    "async",
    "endpoints",
    "environment-variables",
    "errors",
    "http-api",
    "mappings",
    "metrics",
    "migrating",
    "runs",
]
NEEDS_TIME = ["schedules"]
NEEDS_A_BROKER = ["triggers"]
NEEDS_DOCKER = ["full-stack"]
HAS_NO_PROGRAM = ["README", "installation"]


@pytest.fixture
def reader(
    platform: Platform, node_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """A reader in an empty folder, with the platform's address and token at hand."""
    environment = {"PUMPHOUSE_URL": platform.url, "PUMPHOUSE_TOKEN": platform.token}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Reader(environment, node_folder)


def test_no_page_is_forgotten() -> None:
    tried = [*NEEDS_NOTHING, *NEEDS_ADD, *NEEDS_TIME, *NEEDS_A_BROKER]
    known = [*tried, *NEEDS_DOCKER, *HAS_NO_PROGRAM]
    assert sorted(page.stem for page in GUIDE.glob("*.md")) == sorted(known)
    assert {block.language for block in blocks_of(GUIDE / "README.md")} == {"bash"}


@pytest.mark.parametrize("page", NEEDS_NOTHING)
def test_a_page_on_its_own(reader: Reader, nothing_left: None, page: str) -> None:
    reader.try_out(GUIDE / f"{page}.md")


@pytest.mark.parametrize("page", NEEDS_ADD)
def test_a_page_that_uses_add(reader: Reader, add: str, page: str, tmp_path: Path) -> None:
    (tmp_path / "code").rename(tmp_path / "add_numbers")
    reader.try_out(GUIDE / f"{page}.md")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", NEEDS_TIME)
def test_a_page_that_takes_its_time(reader: Reader, add: str, page: str) -> None:
    reader.try_out(GUIDE / f"{page}.md")


@pytest.mark.parametrize("platform", ["full stack"], indirect=True, scope="session")
@pytest.mark.parametrize("page", NEEDS_A_BROKER)
def test_a_page_that_needs_a_broker(
    reader: Reader,
    sdk: PumphouseSdk,
    add: str,
    page: str,
    broker: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sdk.create_deployment(add, "add", "endpoint")
    monkeypatch.setenv("AMQP_URL", broker)
    reader.try_out(GUIDE / f"{page}.md")
