"""Which addresses lead to the machine that uses them."""

import pytest

from pumphouse.gateway.links import is_loopback


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://localhost:8000", True),
        ("http://LOCALHOST", True),
        ("http://app.localhost:80", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1:9000/bucket", True),
        ("http://key:secret@127.0.0.1:9000/bucket", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0:8000", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://store:9000", False),
        ("http://[broken", False),
        ("http://", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_are_local(url: str, is_local: bool) -> None:
    assert is_loopback(url) is is_local
