"""What the settings of an installation do for those who use it, by the official client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from craft_ai_sdk import CREATION_PARAMETER_VALUE
from craft_ai_sdk.io import Output

from tests.acceptance.guides.callers import official_client
from tests.stack import clean_environment, embedded_platform

OUTPUT: Any = Output

SETTINGS = {
    "PUMPHOUSE_PROJECT_INCLUDED_FOLDERS": "lib",
    "PUMPHOUSE_PROJECT_SYSTEM_DEPENDENCIES": "no-such-package-at-all",
    "PUMPHOUSE_VECTOR_DATABASE_URL": "https://vectors.test",
    "PUMPHOUSE_VECTOR_DATABASE_TOKEN": "token-of-the-vectors",
}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of a platform with settings."""
    with (
        embedded_platform(environment=clean_environment(**SETTINGS)) as platform,
        official_client(platform.url, platform.token) as opened,
    ):
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "words.py").write_text("GREETING = 'hello'\n")
    (tmp_path / "main.py").write_text(
        "from lib.words import GREETING\n\ndef main():\n    return {'greeting': GREETING}\n"
    )
    return str(tmp_path)


def test_a_pipeline_falls_back_to_the_settings_unless_it_says_null(
    client: Any, folder: str
) -> None:
    created = client.create_pipeline(
        "greet",
        "main.py",
        "main",
        container_config={
            "local_folder": folder,
            "system_dependencies": CREATION_PARAMETER_VALUE.NULL,
        },
        outputs=[OUTPUT("greeting", "string")],
    )

    assert client.run_pipeline("greet")["outputs"] == {"greeting": "hello"}
    configured = created["parameters"]["container_config"]
    assert configured["included_folders"] == ["lib"]
    assert configured["system_dependencies"] is None


def test_a_pipeline_has_the_wishes_of_the_settings(client: Any, folder: str) -> None:
    created = client.create_pipeline(
        "wishing", "main.py", "main", container_config={"local_folder": folder}
    )

    configured = created["parameters"]["container_config"]
    assert configured["system_dependencies"] == ["no-such-package-at-all"]
    log = [line["message"] for line in client.get_pipeline_logs("wishing")]
    assert any("no-such-package-at-all" in message for message in log)


def test_the_vector_database_is_found(client: Any) -> None:
    assert client.get_vector_database_credentials() == {
        "vector_database_url": "https://vectors.test",
        "vector_database_token": "token-of-the-vectors",
    }
