# Generated from pumphouse/sdk/aio/vector_database.py by `make sdk`: change that file instead.
"""The vector database of the installation, if it has one."""

from typing import TYPE_CHECKING, cast

from pumphouse.sdk.answers import content
from pumphouse.sdk.results import VectorDatabaseCredentials
from pumphouse.sdk.sync.concurrency import off_the_loop
from pumphouse.sdk.sync.transport import Connected
from pumphouse.sdk.vector_databases import place_of, weaviate_package

if TYPE_CHECKING:
    from weaviate import WeaviateAsyncClient, WeaviateClient


class VectorDatabase(Connected):
    def get_vector_database_credentials(self) -> VectorDatabaseCredentials:
        """Raises NotFound, or NotSupported, if there is none."""
        about = self._transport.request("GET", "/api/v1/environment-info")
        environment_id = content(self._transport.send(about))["environment_id"]
        found = self._transport.call("GET", "environments", environment_id, "vector-database")
        return cast(VectorDatabaseCredentials, found)

    def get_weaviate_client(self) -> "WeaviateClient":
        """A connected client, which the caller closes.

        Needs the package `weaviate-client`. Raises ModuleNotFoundError without it, NotFound or
        NotSupported if there is no vector database, and what that package raises.
        """
        weaviate = weaviate_package()
        place = place_of(self.get_vector_database_credentials())
        client = off_the_loop(weaviate.connect_to_custom, **place)
        return cast("WeaviateClient", client)

    def get_async_weaviate_client(self) -> "WeaviateAsyncClient":
        """A client that is not connected yet: it is for `with`. Raises as
        get_weaviate_client."""
        weaviate = weaviate_package()
        place = place_of(self.get_vector_database_credentials())
        return cast("WeaviateAsyncClient", weaviate.use_async_with_custom(**place))
