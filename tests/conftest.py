"""Servers and platforms that the tests share: each is found or started once per session."""

from collections.abc import Iterator

import pytest

from tests.servers.object_store import object_store
from tests.servers.postgres import postgres
from tests.servers.rabbitmq import rabbitmq


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
