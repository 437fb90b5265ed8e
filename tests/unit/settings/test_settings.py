from pathlib import Path

import msgspec
import pytest

from pumphouse.errors import Invalid
from pumphouse.settings import load, setting

SECRET = "postgresql://pumphouse:hunter2@postgres/"


class Settings(msgspec.Struct, frozen=True):
    database_url: str
    port: int = 8000
    folders: tuple[str, ...] = ()


def test_variables_become_fields_of_their_type() -> None:
    found = load(Settings, {"PUMPHOUSE_DATABASE_URL": "postgresql://x", "PUMPHOUSE_PORT": "9"})
    assert found == Settings("postgresql://x", 9)


@pytest.mark.parametrize(
    ("text", "folders"),
    [("a", ("a",)), ("a, b/c ,", ("a", "b/c")), (",", ()), ("", ())],
)
def test_commas_separate_the_items_of_a_list(text: str, folders: tuple[str, ...]) -> None:
    found = load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PUMPHOUSE_FOLDERS": text})
    assert found.folders == folders


def test_others_are_ignored_and_defaults_hold() -> None:
    assert load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PORT": "1"}).port == 8000


@pytest.mark.parametrize("environment", [{}, {"PUMPHOUSE_DATABASE_URL": ""}])
def test_a_missing_variable_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="PUMPHOUSE_DATABASE_URL"):
        load(Settings, environment)


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PUMPHOUSE_PORT": ""}).port == 8000


def test_a_variable_of_the_wrong_type_is_named() -> None:
    with pytest.raises(Invalid, match="port"):
        load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PUMPHOUSE_PORT": "many"})


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_can_hold_what_a_variable_would(tmp_path: Path, end: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + end, newline="")
    environment = {"PUMPHOUSE_DATABASE_URL_FILE": str(secret), "PUMPHOUSE_DATABASE_URL": ""}
    assert load(Settings, environment).database_url == SECRET


def test_of_a_file_only_the_end_of_its_last_line_is_left_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(" two\nlines \n\n")
    assert setting("key", {"PUMPHOUSE_KEY_FILE": str(secret)}) == " two\nlines \n"


def test_a_variable_and_a_file_for_one_setting_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    environment = {"PUMPHOUSE_DATABASE_URL_FILE": str(secret), "PUMPHOUSE_DATABASE_URL": "u"}
    with pytest.raises(Invalid, match="PUMPHOUSE_DATABASE_URL_FILE, and not both"):
        load(Settings, environment)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), (b"\n", "is empty"), (b"hunter2\xff", "UTF-8")],
)
def test_a_file_of_no_use_is_named_and_not_shown(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(Invalid, match=reason) as refusal:
        load(Settings, {"PUMPHOUSE_DATABASE_URL_FILE": str(secret)})
    assert f"{secret} of PUMPHOUSE_DATABASE_URL_FILE" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)
