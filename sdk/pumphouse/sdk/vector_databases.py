"""Where a vector database is, as its own client wants to know it."""

import importlib
from typing import Any

from pumphouse.sdk.results import VectorDatabaseCredentials

HTTP_PORT = 8080
GRPC_PORT = 8082


def weaviate_package() -> Any:
    """Raises ModuleNotFoundError that names the package to install."""
    try:
        return importlib.import_module("weaviate")
    except ModuleNotFoundError as error:
        if error.name != "weaviate":
            raise
        raise ModuleNotFoundError(
            "A client of the vector database needs the package weaviate-client: "
            "pip install weaviate-client",
            name="weaviate",
        ) from None


def place_of(credentials: VectorDatabaseCredentials) -> dict[str, Any]:
    """The arguments with which weaviate connects."""
    url = credentials["vector_database_url"]
    scheme, _, rest = url.rpartition("://")
    host, is_secure = rest.rstrip("/"), scheme == "https"
    return {
        "http_host": host,
        "http_port": HTTP_PORT,
        "http_secure": is_secure,
        "grpc_host": host,
        "grpc_port": GRPC_PORT,
        "grpc_secure": is_secure,
        "headers": {
            "craft-vector-database-url": url,
            "craft-vector-database-token": credentials["vector_database_token"],
        },
    }
