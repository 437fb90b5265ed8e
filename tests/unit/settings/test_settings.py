import msgspec
import pytest

from pumphouse.errors import Invalid
from pumphouse.settings import load


class Settings(msgspec.Struct, frozen=True):
    database_url: str
    port: int = 8000


def test_variables_become_fields_of_their_type() -> None:
    found = load(Settings, {"PUMPHOUSE_DATABASE_URL": "postgresql://x", "PUMPHOUSE_PORT": "9"})
    assert found == Settings("postgresql://x", 9)


def test_others_are_ignored_and_defaults_hold() -> None:
    assert load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PORT": "1"}).port == 8000


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(Invalid, match="PUMPHOUSE_DATABASE_URL"):
        load(Settings, {})


def test_a_variable_of_the_wrong_type_is_named() -> None:
    with pytest.raises(Invalid, match="port"):
        load(Settings, {"PUMPHOUSE_DATABASE_URL": "u", "PUMPHOUSE_PORT": "many"})
