"""Which addresses lead to the machine that uses them."""

import pytest

from pumphouse.gateway.links import is_loopback, links_for
from pumphouse.gateway.settings import Settings


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


@pytest.mark.parametrize(
    ("public", "relay", "relays"),
    [
        (None, None, True),
        (None, False, True),
        ("https://files.example.org", None, None),
        ("https://files.example.org", False, False),
    ],
)
def test_every_link_to_a_store_on_a_socket_leads_through_the_gateway(
    public: str | None, relay: bool | None, relays: bool | None
) -> None:
    url = "http://k:s@localhost/bucket?socket=/s3.sock"
    settings = Settings(secret_key="k" * 32, s3_url=url, s3_public_url=public, s3_relay=relay)
    assert links_for(settings).relays is relays
