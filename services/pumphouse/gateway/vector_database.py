"""The vector database that the users of this installation share, if it has one."""

import re
from dataclasses import dataclass

from pumphouse.errors import Invalid
from pumphouse.gateway.settings import Settings
from pumphouse.settings import variable

URL, TOKEN = variable("vector_database_url"), variable("vector_database_token")
"""The two settings, as messages name them."""

_BARE_URL = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class VectorDatabase:
    """url: `http://HOST` or `https://HOST`. Clients add the ports themselves."""

    url: str
    token: str


def vector_database_of(settings: Settings) -> VectorDatabase | None:
    """What the settings name; None without them. Raises Invalid, which repeats neither."""
    url, token = settings.vector_database_url, settings.vector_database_token
    if url is None and token is None:
        return None
    if url is None or token is None:
        raise Invalid(f"Set both {URL} and {TOKEN}, or neither.")
    if not _BARE_URL.fullmatch(url):
        raise Invalid(
            f"{URL} must be http://HOST or https://HOST, without a port and a path: clients add the"
            " ports 8080 (HTTP) and 8082 (gRPC) themselves."
        )
    if not token.isascii() or not token.isprintable():
        raise Invalid(f"{TOKEN} must be printable ASCII: clients send it as a header.")
    return VectorDatabase(url, token)
