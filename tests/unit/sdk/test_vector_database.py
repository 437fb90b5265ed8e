"""The vector database, and clients of it."""

import importlib
import sys
import warnings
from types import ModuleType

import pytest

from pumphouse.sdk import NotSupported, PumphouseSdk
from tests.unit.sdk.fake_platform import FakePlatform, ok, refused

ABOUT = "GET /api/v1/environment-info"
CREDENTIALS = "GET /api/v1/environments/e7/vector-database"


@pytest.fixture(autouse=True)
def weaviate() -> ModuleType:
    """The package; what it brings along warns when it is imported first."""
    with warnings.catch_warnings(record=True):
        return importlib.import_module("weaviate")


@pytest.fixture(autouse=True)
def _database(platform: FakePlatform) -> None:
    platform.on(ABOUT, ok({"environment_id": "e7"}))
    found = {"vector_database_url": "https://vectors.test", "vector_database_token": "t"}
    platform.on(CREDENTIALS, ok(found))


def test_its_credentials_are_those_of_the_environment(
    sdk: PumphouseSdk, platform: FakePlatform
) -> None:
    assert sdk.get_vector_database_credentials() == {
        "vector_database_url": "https://vectors.test",
        "vector_database_token": "t",
    }
    assert "Authorization" not in platform.asked(ABOUT)[0].headers
    assert "Authorization" in platform.asked(CREDENTIALS)[0].headers


def test_an_installation_without_one_says_so(sdk: PumphouseSdk, platform: FakePlatform) -> None:
    platform.on(CREDENTIALS, refused(501, "There is no vector database here."))
    with pytest.raises(NotSupported, match="no vector database"):
        sdk.get_weaviate_client()


def test_without_the_package_its_name_is_told(
    sdk: PumphouseSdk, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weaviate", None)
    for call in (sdk.get_weaviate_client, sdk.get_async_weaviate_client):
        with pytest.raises(ModuleNotFoundError, match="pip install weaviate-client"):
            call()
    assert platform.requests == []


def test_a_client_of_it_is_connected_to_its_place(
    sdk: PumphouseSdk, weaviate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    def connect(**place: object) -> str:
        places.append(place)
        return "a client"

    monkeypatch.setattr(weaviate, "connect_to_custom", connect)
    client: object = sdk.get_weaviate_client()
    assert client == "a client"
    headers = {
        "craft-vector-database-token": "t",
        "craft-vector-database-url": "https://vectors.test",
    }
    assert places == [
        {
            "http_host": "vectors.test",
            "http_port": 8080,
            "http_secure": True,
            "grpc_host": "vectors.test",
            "grpc_port": 8082,
            "grpc_secure": True,
            "headers": headers,
        }
    ]


def test_an_asynchronous_client_of_it_is_not_connected_yet(
    sdk: PumphouseSdk, weaviate: ModuleType
) -> None:
    client = sdk.get_async_weaviate_client()
    assert isinstance(client, weaviate.WeaviateAsyncClient)
    assert not client.is_connected()
