from collections.abc import Iterator

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.unit.sdk.fake_platform import FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def sdk(platform: FakePlatform) -> Iterator[PumphouseSdk]:
    with PumphouseSdk("http://pump.test/", "sdk-token", wire=platform) as client:
        yield client
