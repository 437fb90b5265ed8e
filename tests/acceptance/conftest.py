"""The platform that acceptance tests run against, in both of its forms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.shared_folder import folder_in
from tests.stack import embedded_platform, full_stack


class Platform(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def shared(self) -> Path | None: ...


@pytest.fixture(scope="session", params=["embedded", "full stack"])
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """A running platform: one process and no server, or three servers and a process per service."""
    if request.param == "embedded":
        with embedded_platform() as embedded:
            yield embedded
    else:
        amqp_url = request.getfixturevalue("amqp_url")
        postgres_url = request.getfixturevalue("postgres_url")
        s3_url = request.getfixturevalue("s3_url")
        with full_stack(amqp_url, postgres_url, s3_url) as stack:
            yield stack


@pytest.fixture
def gate(platform: Platform) -> Path:
    """A path at which a function may look until the test makes a file there."""
    assert platform.shared is not None
    return folder_in(platform.shared) / "open"
