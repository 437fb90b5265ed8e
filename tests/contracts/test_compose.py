"""compose.yaml against the schema of its format, the settings of the services, and itself."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from pumphouse.launcher.services import SERVICES, settings_of
from pumphouse.service import ProcessSettings, run_until_stopped
from pumphouse.settings import FILE, load, variable
from tests.compose_file import COMPOSE_FILE, composed_services, document

WITH_CREDENTIALS = {"amqp_url", "database_url", "s3_url", "secret_key", "admin_token"}

PUBLISHED = {"gateway", "minio"}


def validation_of(file: Path) -> subprocess.CompletedProcess[str]:
    validator = (sys.executable, "-m", "check_jsonschema", "--builtin-schema=vendor.compose-spec")
    return subprocess.run([*validator, str(file)], capture_output=True, text=True, check=False)


def fields_of(service: str) -> list[msgspec.structs.FieldInfo]:
    kinds = (ProcessSettings, settings_of(service))
    return [field for kind in kinds for field in msgspec.structs.fields(kind)]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = document()["services"]
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> None:
    subprocess.run([COMPOSE_FILE.with_name("make-secrets"), str(folder)], check=True)


def test_the_file_keeps_to_the_compose_specification() -> None:
    found = validation_of(COMPOSE_FILE)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_file_that_does_not_is_found_out(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE_FILE.read_text().replace("stop_grace_period", "stop_grace_time"))
    assert "stop_grace_time" in validation_of(broken).stdout


def test_each_service_has_a_container_that_runs_it() -> None:
    commands = {name: composed.command for name, composed in composed_services().items()}
    assert commands == {name: ("pumphouse", "serve", name) for name in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_all_that_it_must_know_and_nothing_that_it_does_not(
    service: str,
) -> None:
    told = {name.removesuffix(FILE) for name in composed_services()[service].environment}
    known = {variable(field.name) for field in fields_of(service)}
    required = {variable(field.name) for field in fields_of(service) if field.required}
    assert required <= told <= known


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_use_what_it_is_told(service: str, secrets: Path) -> None:
    environment = composed_services()[service].environment_outside(secrets, {})
    process = load(ProcessSettings, environment)
    settings = load(settings_of(service), environment)
    assert process.health_port
    for name in WITH_CREDENTIALS & {field.name for field in fields_of(service)}:
        found = getattr(process, name, None) or getattr(settings, name)
        assert found == (secrets / name).read_text().rstrip("\n")


@pytest.mark.parametrize("service", SERVICES)
def test_credentials_come_in_files_and_no_service_has_more_of_them_than_it_reads(
    service: str,
) -> None:
    composed = composed_services()[service]
    assert not {variable(name) for name in WITH_CREDENTIALS} & composed.environment.keys()
    read = {text for name, text in composed.environment.items() if name.endswith(FILE)}
    assert read == {f"/run/secrets/{name}" for name in composed.secrets}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_waits_for_the_servers_it_is_told_of_and_can_reach_them(
    service: str, services: dict[str, Any], secrets: Path
) -> None:
    for name in composed_services()[service].secrets & {"amqp_url", "database_url", "s3_url"}:
        host = urlsplit((secrets / name).read_text().strip()).hostname
        assert host in services
        assert set(services[service]["networks"]) & set(services[host]["networks"])
        assert services[service]["depends_on"][host] == {"condition": "service_healthy"}


def test_the_guide_names_every_variable_of_the_file() -> None:
    guide = COMPOSE_FILE.parents[1] / "docs" / "guide" / "full-stack.md"
    named = set(re.findall(r"^\| `(\w+)`", guide.read_text(), re.MULTILINE))
    assert named == set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text()))


def test_only_the_gateway_and_the_object_store_are_published(services: dict[str, Any]) -> None:
    assert {name for name, one in services.items() if "ports" in one} == PUBLISHED
    outside = {name for name, one in services.items() if "outside" in one["networks"]}
    assert outside == {*PUBLISHED, "executor"}
    internal = {name for name, one in document()["networks"].items() if one and one["internal"]}
    assert internal == document()["networks"].keys() - {"outside"}


def test_functions_reach_the_gateway_from_their_container(services: dict[str, Any]) -> None:
    composed = composed_services()
    address = urlsplit(composed["executor"].environment["PUMPHOUSE_GATEWAY_URL"])
    assert address.hostname == "gateway"
    assert str(address.port) == composed["gateway"].environment["PUMPHOUSE_PORT"]
    assert set(services["executor"]["networks"]) & set(services["gateway"]["networks"])


def test_any_service_but_the_gateway_can_be_scaled(services: dict[str, Any]) -> None:
    for name in set(SERVICES) - {"gateway"}:
        assert not {"container_name", "hostname", "ports", "volumes"} & services[name].keys()


def test_everything_has_a_health_check_and_is_started_again(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name


def test_a_service_has_the_time_that_it_may_take_to_close(services: dict[str, Any]) -> None:
    longest = inspect.signature(run_until_stopped).parameters["close_within_s"].default
    for name in SERVICES:
        assert float(services[name]["stop_grace_period"].removesuffix("s")) > longest


@pytest.mark.parametrize("kind", ["configs", "networks", "secrets", "volumes"])
def test_what_containers_use_is_declared_and_what_is_declared_is_used(
    kind: str, services: dict[str, Any]
) -> None:
    used = {name_of(entry) for service in services.values() for entry in service.get(kind, ())}
    assert used == document()[kind].keys()


def name_of(entry: Any) -> str:
    """Of `name`, `name:/where` and `{source: name}`."""
    return str(entry["source"] if isinstance(entry, dict) else entry).partition(":")[0]


def test_each_secret_is_one_that_is_made(secrets: Path) -> None:
    files = {Path(secret["file"]) for secret in document()["secrets"].values()}
    assert {file.name for file in files} <= {made.name for made in secrets.iterdir()}
    assert {file.parent for file in files} == {Path("secrets")}


def test_secrets_are_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    first = {file.name: file.read_text() for file in folder.iterdir()}
    (folder / "s3_url").unlink()
    make_secrets(folder)
    assert {file.name: file.read_text() for file in folder.iterdir()} == first
    assert folder.stat().st_mode & 0o777 == 0o700


def test_secrets_differ_from_one_installation_to_the_next(secrets: Path, tmp_path: Path) -> None:
    make_secrets(tmp_path)
    for file in secrets.iterdir():
        assert file.read_text() != (tmp_path / file.name).read_text(), file.name


def test_servers_have_the_passwords_that_the_services_use(secrets: Path) -> None:
    def read(name: str) -> str:
        return (secrets / name).read_text().strip()

    assert urlsplit(read("database_url")).password == read("postgres_password")
    assert read("rabbitmq_user").endswith(f"default_pass = {urlsplit(read('amqp_url')).password}")
    s3 = urlsplit(read("s3_url"))
    assert (s3.username, s3.password) == (read("s3_access_key"), read("s3_secret_key"))
