from collections.abc import Iterator

import pytest

from pumphouse.sdk import PumphouseSdk
from tests.unit.sdk.driven import CLIENTS, client
from tests.unit.sdk.fake_platform import FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture(params=CLIENTS)
def sdk(request: pytest.FixtureRequest, platform: FakePlatform) -> Iterator[PumphouseSdk]:
    """Either client, each with plain calls."""
    with client(request.param, "http://pump.test/", "sdk-token", platform) as found:
        yield found


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients ask the object store three times, one right after the other."""
    for package in ("aio", "sync"):
        monkeypatch.setattr(f"pumphouse.sdk.{package}.store.PAUSES_S", (0.0, 0.0))
