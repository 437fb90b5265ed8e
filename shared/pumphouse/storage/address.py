"""Where an object store is, from its URL."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pumphouse.errors import Invalid

PLATFORM_SUFFIX = "-platform"

_PORTS = {"http": 80, "https": 443}
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,52}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_FORM = "http://ACCESS_KEY:SECRET_KEY@host:port/BUCKET"
_LONGEST_SOCKET = 107
"""Of the path of a Unix socket, in bytes; other systems than Linux take a few less."""


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a server; str() of it is a URL without a path."""

    scheme: str
    host: str
    """`name`, `name:port` or `[v6]:port`, without the scheme's own port, as browsers send it."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"


@dataclass(frozen=True, kw_only=True)
class StoreAddress:
    """socket: path of the Unix socket where the store listens, None when `origin` leads to it;
    it is what requests are signed for in either case."""

    origin: Origin
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    region: str
    socket: str | None = None

    @property
    def platform_bucket(self) -> str:
        return f"{self.bucket}{PLATFORM_SUFFIX}"


def parse_store_url(url: str) -> StoreAddress:
    """`http[s]://ACCESS_KEY:SECRET_KEY@host[:port]/BUCKET[?region=us-east-1][&socket=/PATH]`.

    Key, secret and path are percent-encoded; a socket goes with `http` alone. Raises Invalid,
    without showing the URL: it holds a secret.
    """
    parts = _split(url, "The URL of the object store", _FORM)
    if not parts.username or not parts.password:
        raise Invalid(f"The URL of the object store has no keys: it must look like {_FORM}.")
    bucket = unquote(parts.path.strip("/"))
    if not _BUCKET.fullmatch(bucket):
        raise Invalid(
            "The URL of the object store must end with the name of a bucket: 3 to 54 lower-case"
            f" letters, digits and single hyphens, as in {_FORM}."
        )
    query = parse_qs(parts.query, keep_blank_values=True)
    region = query.get("region", ["us-east-1"])[0]
    if not _REGION.fullmatch(region):
        raise Invalid("The region in the URL of the object store is not the name of one.")
    return StoreAddress(
        origin=_origin(parts),
        access_key=unquote(parts.username),
        secret_key=unquote(parts.password),
        bucket=bucket,
        region=region,
        socket=_socket(query.get("socket", [None])[0], parts.scheme),
    )


def parse_public_url(url: str) -> Origin:
    """`http[s]://host[:port]`, where clients reach the store. Raises Invalid."""
    form = "https://files.example.org"
    parts = _split(url, "The public URL of the object store", form)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise Invalid(
            "The public URL of the object store is a scheme, a host and a port only:"
            f" no path and no keys, as in {form}."
        )
    return _origin(parts)


def _split(url: str, what: str, form: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # The cause may take the secret for a port, and quote it.
        raise Invalid(
            f"{what} cannot be read: check its host and port, and that key and secret are"
            f" percent-encoded. It must look like {form}."
        ) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid(f"{what} must look like {form}.")
    return parts


def _socket(path: str | None, scheme: str) -> str | None:
    if path is None:
        return None
    is_path = path.startswith("/") and "\0" not in path
    if not is_path or len(os.fsencode(path)) > _LONGEST_SOCKET or scheme != "http":
        raise Invalid(
            "The socket in the URL of the object store must be the whole path of one, of at most"
            f" {_LONGEST_SOCKET} bytes, and the URL must begin with http://."
        )
    return path


def _origin(parts: SplitResult) -> Origin:
    host = str(parts.hostname)
    if ":" in host:
        host = f"[{host}]"
    is_usual = parts.port is None or parts.port == _PORTS[parts.scheme]
    return Origin(parts.scheme, host if is_usual else f"{host}:{parts.port}")
