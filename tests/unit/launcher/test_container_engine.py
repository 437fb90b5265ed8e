"""How `pumphouse up` finds a container engine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pumphouse.launcher import container_engine
from pumphouse.launcher.container_engine import engine_settings, engine_that_answers


class _Engine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(container_engine, "_PATIENCE_S", 60)
    with HTTPServer(("127.0.0.1", 0), _Engine) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_engine_that_answers_is_told_to_the_services(address: str) -> None:
    found = {"docker_url": address, "dockerfiles": "true"}
    assert engine_settings({"PUMPHOUSE_DOCKER_URL": address}) == found
    assert engine_settings({"DOCKER_HOST": address}) == found
    assert engine_settings({"DOCKER_HOST": "nowhere", "PUMPHOUSE_DOCKER_URL": address}) == found


def test_what_the_operator_has_decided_stays(address: str) -> None:
    for decided in ("true", "false"):
        environment = {"DOCKER_HOST": address, "PUMPHOUSE_DOCKERFILES": decided}
        assert engine_settings(environment) == {}


@pytest.mark.parametrize(
    "address", ["unix:///no/such/socket", "tcp://127.0.0.1:1", "ssh://host", "nothing", "tcp://[x"]
)
def test_nothing_is_told_where_nothing_answers(address: str) -> None:
    assert engine_that_answers({"DOCKER_HOST": address}) is None
    assert engine_settings({"DOCKER_HOST": address}) == {}
