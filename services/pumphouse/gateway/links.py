"""Addresses that clients reach the object store by."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pumphouse.gateway.bodies import ApiRequest
from pumphouse.gateway.settings import Settings
from pumphouse.gateway.sharing import Shared
from pumphouse.storage.address import parse_store_url

RELAY_PATH = "/store"


@dataclass(frozen=True)
class Links(Shared):
    """Gives out what the store has signed, by way of this gateway when nothing else leads there.

    public_url: of the gateway, None when the address of a request tells. relays: True for every
    link, None for those that a client on another machine asks for, while the store listens on this
    machine alone and has no public address.
    is_store_inside: its public address is for clients alone; services and executions have another.
    """

    public_url: str | None
    relays: bool | None
    is_store_local: bool
    is_store_inside: bool

    @property
    def may_relay(self) -> bool:
        """Whether any link leads through the gateway."""
        return self.is_store_local if self.relays is None else self.relays

    def gateway_url(self, request: ApiRequest) -> str:
        """This gateway as the sender of the request reaches it."""
        return (self.public_url or _asked_address(request)).rstrip("/")

    def reachable(self, url: str, request: ApiRequest) -> str:
        """The signed address of the store as the sender of the request can use it."""
        gateway = self.gateway_url(request)
        if not self.may_relay or (self.relays is None and is_loopback(gateway)):
            return url
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return f"{gateway}{RELAY_PATH}{parts.path}{query}"


def links_for(settings: Settings) -> Links:
    """Links as the settings ask for them."""
    is_local = is_loopback(settings.s3_url)
    has_public = settings.s3_public_url is not None
    is_on_socket = parse_store_url(settings.s3_url).socket is not None
    return Links(
        settings.public_url,
        True if is_on_socket and not has_public else settings.s3_relay,
        is_store_local=is_local and not has_public,
        is_store_inside=has_public and not is_local and not settings.s3_relay,
    )


def is_loopback(url: str) -> bool:
    """Whether an address leads to the machine that uses it."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _asked_address(request: ApiRequest) -> str:
    """The address that the client used, before any proxy in front of the gateway."""
    scheme = _first(request.headers.get("x-forwarded-proto")) or request.scope["scheme"]
    host = _first(request.headers.get("x-forwarded-host")) or request.headers.get("host", "")
    return f"{scheme}://{host}"


def _first(header: str | None) -> str:
    return (header or "").partition(",")[0].strip()
