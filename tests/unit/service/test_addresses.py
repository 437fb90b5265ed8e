"""Addresses of servers on this machine."""

import socket

import pytest

from pumphouse.errors import Unavailable
from pumphouse.service.addresses import free_port, url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("10.1.2.3", "http://10.1.2.3:80"),
        ("localhost", "http://localhost:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_a_server_is_reached_where_it_listens(host: str, url: str) -> None:
    assert url_of(host, 80) == url


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port("127.0.0.1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))


def test_a_host_that_is_not_of_this_machine_is_named() -> None:
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1"):
        free_port("192.0.2.1")
