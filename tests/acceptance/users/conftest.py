"""What users have: the official client, and a platform that is left as it was."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import craft_ai_sdk
import pytest

from tests.acceptance.conftest import Platform
from tests.acceptance.official_client import client_of
from tests.acceptance.users.client import SdkException


@pytest.fixture(scope="module")
def sdk(platform: Platform) -> Iterator[Any]:
    """The official client. What it was used to make is gone after the tests of the file."""
    with client_of(craft_ai_sdk, platform) as client:
        yield client
        _clear(client)


def _clear(client: Any) -> None:
    for row in client.list_pipelines():
        with suppress(SdkException):
            client.delete_pipeline(row["pipeline_name"], force_deployments_deletion=True)
    for variable in client.list_environment_variables():
        client.delete_environment_variable(variable["name"])
    for item in client.list_data_store_objects():
        client.delete_data_store_object(item["path"])
