"""A gateway that is connected to nothing, for questions about its routes."""

from types import SimpleNamespace
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from pumphouse.catalog import Catalog
from pumphouse.gateway.app import Surroundings, create_app
from pumphouse.gateway.followings import Followings
from pumphouse.gateway.holds import Holds
from pumphouse.gateway.relay import Relay
from pumphouse.gateway.settings import Settings
from pumphouse.storage.address import parse_store_url


def unconnected_gateway(**settings: Any) -> Litestar:
    """settings: other than those of a store that clients reach by themselves."""
    nobody: Any = None
    storage: Any = SimpleNamespace(data=SimpleNamespace(nearby=lambda: None), platform=None)
    whole: dict[str, Any] = {
        "secret_key": "k" * 32,
        "s3_url": "http://key:secret@store:9000/bucket",
        "s3_public_url": "http://files.test",
        **settings,
    }
    relay = Relay(nobody, parse_store_url(whole["s3_url"]).origin, "files.test")
    around = Surroundings(nobody, Catalog(nobody), Holds(), Followings(), storage, relay)
    return create_app(Settings(**whole), around)


def handlers_of(gateway: Litestar) -> list[tuple[str, HTTPRouteHandler]]:
    """Each with its path as Litestar writes it."""
    return [
        (route.path, handler)
        for route in gateway.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"}
    ]
