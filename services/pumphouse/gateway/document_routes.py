"""Routes that give the document of the API."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from pumphouse.gateway.described import JSON, described
from pumphouse.gateway.openapi import openapi, operations
from pumphouse.gateway.sharing import Shared


class Document(Shared):
    """The document of the routes that it was made of, and of its own."""

    def __init__(
        self, public: Sequence[HTTPRouteHandler], private: Sequence[HTTPRouteHandler]
    ) -> None:
        """private: those below /api/v1, for users."""
        self.content = openapi(operations([*public, *self.routes()], private))
        self._encoded = msgspec.json.encode(self.content)

    def routes(self) -> list[HTTPRouteHandler]:
        """Routes that anyone may call: the document says nothing of what is stored."""
        return [
            get("/schema")(self.show),
            get("/schema/openapi.json", include_in_schema=False)(self.show),
        ]

    @described(
        "get_openapi_document", "Give this document", tag="Installation", answers=dict[str, Any]
    )
    async def show(self) -> Response[bytes]:
        return Response(self._encoded, media_type=JSON)
