"""Where a broker is, from its URL."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pumphouse.errors import Invalid

_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """str() of it is fit for messages: it never shows the password."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    is_encrypted: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(amqp_url: str) -> BrokerAddress:
    """`amqp[s]://user:password@host:port/virtual-host`; all but the host may be left out.

    Raises Invalid, without showing the URL: it may hold a password.
    """
    try:
        parts = urlsplit(amqp_url)
        port = parts.port
    except ValueError as error:
        raise Invalid("The AMQP URL cannot be read: check its host and port.") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid("The AMQP URL must look like amqp://user:password@host:5672/virtual-host.")
    return BrokerAddress(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=unquote(parts.path.removeprefix("/")) or "/",
        is_encrypted=parts.scheme == "amqps",
    )
