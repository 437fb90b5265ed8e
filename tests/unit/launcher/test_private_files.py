import json
from pathlib import Path

import pytest

from pumphouse.errors import Conflict, Invalid
from pumphouse.launcher.private_files import (
    Connection,
    kept_secrets,
    with_new_token,
    write_private,
)


def test_secrets_are_made_once(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = kept_secrets(file, belong_to=tmp_path / "postgres")
    assert kept_secrets(file, belong_to=tmp_path / "postgres") == made
    other = kept_secrets(tmp_path / "other.json", belong_to=tmp_path / "postgres")
    assert made.admin_token != other.admin_token
    assert made.secret_key != other.secret_key


def test_a_new_token_is_kept_with_the_other_secrets(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = kept_secrets(file, belong_to=tmp_path / "postgres")
    renewed = with_new_token(made, file)
    assert renewed.admin_token != made.admin_token
    assert renewed.secret_key == made.secret_key
    assert kept_secrets(file, belong_to=tmp_path / "postgres") == renewed


def test_a_file_of_a_version_without_an_object_store_is_completed_once(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    older = {"secret_key": "a", "admin_token": "b", "database_password": "c"}
    file.write_text(json.dumps(older))
    (tmp_path / "postgres").mkdir()
    found = kept_secrets(file, belong_to=tmp_path / "postgres")
    assert found.object_store_secret
    assert json.loads(file.read_text()) == older | {
        "object_store_secret": found.object_store_secret
    }
    assert kept_secrets(file, belong_to=tmp_path / "postgres") == found


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    file = tmp_path / "connection.json"
    write_private(file, Connection(url="http://127.0.0.1:1", token="a"))
    file.chmod(0o644)
    write_private(file, Connection(url="http://127.0.0.1:1", token="b"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["connection.json"]


@pytest.mark.parametrize("content", ["", "not JSON", "[]", '{"secret_key": "only"}'])
def test_a_broken_secrets_file_is_named_and_kept(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    with pytest.raises(Invalid, match=r"secrets\.json cannot be used"):
        kept_secrets(file, belong_to=tmp_path / "postgres")
    assert file.read_text() == content


def test_new_secrets_are_not_made_for_a_database_that_has_others(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(Conflict, match=r"secrets\.json is gone"):
        kept_secrets(tmp_path / "secrets.json", belong_to=tmp_path / "postgres")
    assert not (tmp_path / "secrets.json").exists()
