import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from pumphouse.errors import Invalid
from pumphouse.storage.address import parse_public_url, parse_store_url
from pumphouse.storage.signing import Signer

_ADDRESS = parse_store_url("http://key:hush@inner:8333/data")


@pytest.fixture
def signer() -> Signer:
    return Signer(_ADDRESS, parse_public_url("https://files.example.org"))


def test_a_link_leads_to_the_address_it_is_signed_for(signer: Signer) -> None:
    url = urlsplit(signer.object_url("GET", "data", "a b/é+%.txt", life_s=60))
    assert (url.scheme, url.netloc) == ("https", "files.example.org")
    assert unquote(url.path) == "/data/a b/é+%.txt"
    assert parse_qs(url.query)["X-Amz-Expires"] == ["60"]
    assert "hush" not in url.geturl()


def test_the_path_names_the_bucket_whoever_runs_the_store() -> None:
    signer = Signer(_ADDRESS, parse_public_url("https://s3.eu-west-3.amazonaws.com"))
    assert urlsplit(signer.object_url("GET", "data", "a")).path == "/data/a"
    assert urlsplit(signer.bucket_url("GET", "data")).path == "/data"


def test_a_form_stores_one_key_until_it_expires(signer: Signer) -> None:
    form = signer.form("data", "a/b", 60)
    assert form.url == "https://files.example.org/data"
    assert form.fields["key"] == "a/b"
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert ["eq", "$key", "a/b"] in policy["conditions"]
    assert ["eq", "$bucket", "data"] in policy["conditions"]
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "..", "a/../b", "a/.", "a\\b", "half a pair \ud800"]
)
def test_a_key_that_stores_may_take_for_another_is_refused(signer: Signer, key: str) -> None:
    with pytest.raises(Invalid, match="cannot be the key"):
        signer.object_url("GET", "data", key)
    with pytest.raises(Invalid, match="cannot be the key"):
        signer.form("data", key, 60)
