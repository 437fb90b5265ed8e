"""Servers and platforms that the tests share: each is found or started once per session."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.object_store import object_store
from tests.servers.postgres import postgres
from tests.servers.rabbitmq import rabbitmq

# The same seed in every run, and as much time as a slow machine takes.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

# A shell that starts us in the background lets Ctrl-C be ignored, also by what we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """AMQP URL of a real RabbitMQ."""
    with rabbitmq() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a real Postgres server, as a user that may create databases."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """URL of a real object store, with credentials that may make buckets."""
    with object_store() as url:
        yield url
