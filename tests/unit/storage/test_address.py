import pytest

from pumphouse.errors import Invalid
from pumphouse.storage.address import parse_public_url, parse_store_url


def test_a_url_says_where_the_store_is_and_which_buckets_are_ours() -> None:
    address = parse_store_url("http://key:secret@files.internal:8333/team-a?region=eu-west-3")
    assert str(address.origin) == "http://files.internal:8333"
    assert (address.access_key, address.secret_key) == ("key", "secret")
    assert (address.bucket, address.platform_bucket) == ("team-a", "team-a-platform")
    assert address.region == "eu-west-3"


def test_key_and_secret_are_percent_encoded() -> None:
    address = parse_store_url("https://a%40b:c%2Fd%3A%25@host/data")
    assert (address.access_key, address.secret_key) == ("a@b", "c/d:%")
    assert address.region == "us-east-1"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://k:s@host:80/data", "http://host"),
        ("https://k:s@host:443/data", "https://host"),
        ("http://k:s@host:443/data", "http://host:443"),
        ("http://k:s@[::1]:9000/data", "http://[::1]:9000"),
        ("http://k:s@HOST/data/", "http://host"),
    ],
)
def test_the_host_is_written_as_clients_send_it(url: str, origin: str) -> None:
    assert str(parse_store_url(url).origin) == origin


def test_a_store_can_be_reached_by_a_socket_whatever_host_is_signed() -> None:
    address = parse_store_url("http://k:s@localhost/data?socket=/a%20b/s3.sock")
    assert address.socket == "/a b/s3.sock"
    assert str(address.origin) == "http://localhost"
    assert parse_store_url("http://k:s@host/data").socket is None


def test_an_address_in_a_message_does_not_show_the_secret() -> None:
    assert "hush" not in repr(parse_store_url("http://key:hush@host/data"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must look like"),
        ("s3://key:hush@host/data", "must look like"),
        ("http://host/data", "no keys"),
        ("http://key@host/data", "no keys"),
        ("http://:hush@host/data", "no keys"),
        ("http://key:hush@host", "name of a bucket"),
        ("http://key:hush@host/", "name of a bucket"),
        ("http://key:hush@host/Data", "name of a bucket"),
        ("http://key:hush@host/a/b", "name of a bucket"),
        ("http://key:hush@host/ab", "name of a bucket"),
        (f"http://key:hush@host/{'a' * 55}", "name of a bucket"),
        ("http://key:hush@host/a--b", "name of a bucket"),
        ("http://key:hush@host/data-", "name of a bucket"),
        ("http://key:hush@host:port/data", "cannot be read"),
        ("http://key:hu/sh@host/data", "percent-encoded"),
        ("http://key:hush@host/data?region=a%20b", "region"),
        ("http://key:hush@host/data?socket=", "socket"),
        ("http://key:hush@host/data?socket=s3.sock", "socket"),
        ("http://key:hush@host/data?socket=/a%00b", "socket"),
        (f"http://key:hush@host/data?socket=/{'a' * 107}", "socket"),
        ("https://key:hush@host/data?socket=/s3.sock", "socket"),
    ],
)
def test_a_url_that_is_none_is_refused_without_the_secret(url: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        parse_store_url(url)
    assert "hush" not in caught.value.message
    assert "hu/sh" not in caught.value.message
    assert caught.value.__cause__ is None


def test_a_public_url_is_where_clients_reach_the_store() -> None:
    assert str(parse_public_url("https://files.example.org/")) == "https://files.example.org"
    assert str(parse_public_url("http://10.0.0.1:9000")) == "http://10.0.0.1:9000"


@pytest.mark.parametrize(
    "url",
    [
        "files.example.org",
        "https://",
        "https://files.example.org/bucket",
        "https://key:hush@files.example.org",
        "https://files.example.org?region=eu",
        "https://files.example.org:port",
    ],
)
def test_a_public_url_with_more_than_an_origin_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="public URL") as caught:
        parse_public_url(url)
    assert "hush" not in caught.value.message
