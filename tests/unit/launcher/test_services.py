from pathlib import Path

import msgspec
import pytest

from pumphouse.launcher.services import SERVICES, environment_for, settings_of
from pumphouse.service import ProcessSettings
from pumphouse.settings import PREFIX, load, variable

ENV_EXAMPLE = Path(__file__).parents[3] / ".env.example"


def documented() -> dict[str, str]:
    """The variables of .env.example, those that are commented out included."""
    lines = (line.lstrip("#") for line in ENV_EXAMPLE.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line.startswith(PREFIX))


def kinds() -> list[type[msgspec.Struct]]:
    return [ProcessSettings, *map(settings_of, SERVICES)]


def test_the_example_environment_has_all_that_a_service_must_be_told() -> None:
    required = {
        variable(field.name)
        for kind in kinds()
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    assert required
    assert required <= documented().keys()


def test_the_example_environment_has_nothing_that_no_service_reads() -> None:
    known = {variable(field.name) for kind in kinds() for field in msgspec.structs.fields(kind)}
    assert documented().keys() <= known


@pytest.mark.parametrize("service", SERVICES)
def test_the_example_environment_can_be_loaded(service: str) -> None:
    load(ProcessSettings, documented())
    load(settings_of(service), documented())


def test_a_service_is_given_only_what_it_knows() -> None:
    values = {"database_url": "postgresql://", "secret_key": "secret", "unheard_of": "1"}
    assert environment_for("scheduler", values) == {"PUMPHOUSE_DATABASE_URL": "postgresql://"}


def test_what_a_service_is_given_takes_the_place_of_variables_and_files() -> None:
    values = {"database_url": "postgresql://"}
    outer = {
        "HOME": "/root",
        "PUMPHOUSE_DATABASE_URL": "other://",
        "PUMPHOUSE_DATABASE_URL_FILE": "/run/secrets/database_url",
        "PUMPHOUSE_LEDGER_DAYS": "1",
    }
    assert environment_for("scheduler", values, outer) == {
        "HOME": "/root",
        "PUMPHOUSE_DATABASE_URL": "postgresql://",
        "PUMPHOUSE_LEDGER_DAYS": "1",
    }
