"""Reaching Postgres: a pool, transactions, migrations, and its failures in the platform's words."""

from pumphouse.postgres.migrations import migrate
from pumphouse.postgres.pool import Connection, Pool, connection, open_pool, transaction

__all__ = ["Connection", "Pool", "connection", "migrate", "open_pool", "transaction"]
