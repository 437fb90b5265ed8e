"""The migrations runner, and the registry's own migrations against its statements."""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

import pumphouse.registry.queries
from pumphouse.errors import Conflict, Invalid, Unavailable
from pumphouse.postgres import Pool, migrate, open_pool
from tests.servers.postgres import fresh_database

PACKAGE = "shipped_migrations"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A package of migrations that a test fills."""
    package = tmp_path / PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield package
    sys.path.remove(str(tmp_path))
    sys.modules.pop(PACKAGE, None)


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Pool]:
    async with open_pool(empty_url, name="test") as pool:
        yield pool


async def test_files_run_once_each_and_in_order(empty: Pool, folder: Path) -> None:
    (folder / "0001_begin.sql").write_text("create table things (id integer);")
    (folder / "0002_fill.sql").write_text(
        "insert into things values (1); insert into things values (2);"
    )
    await migrate(empty, schema="shop", package=PACKAGE)
    await migrate(empty, schema="shop", package=PACKAGE)
    assert await empty.fetchval("select count(*) from shop.things") == 2


async def test_a_file_added_later_runs_alone(empty: Pool, folder: Path) -> None:
    (folder / "0001_begin.sql").write_text("create table things (id integer);")
    await migrate(empty, schema="shop", package=PACKAGE)
    (folder / "0002_fill.sql").write_text("insert into things values (1);")
    await migrate(empty, schema="shop", package=PACKAGE)
    assert await empty.fetchval("select count(*) from shop.things") == 1


async def test_several_instances_may_start_at_once(empty_url: str, folder: Path) -> None:
    (folder / "0001_begin.sql").write_text(
        "create table things (id integer); select pg_sleep(0.1);"
    )
    (folder / "0002_fill.sql").write_text("insert into things values (1);")

    async def instance() -> None:
        connection = await asyncpg.connect(empty_url)
        try:
            await migrate(connection, schema="shop", package=PACKAGE)
        finally:
            await connection.close()

    await asyncio.gather(*(instance() for _ in range(5)))
    async with open_pool(empty_url, name="test") as pool:
        assert await pool.fetchval("select count(*) from shop.things") == 1


async def test_a_file_that_was_changed_after_it_ran_is_refused(empty: Pool, folder: Path) -> None:
    file = folder / "0001_begin.sql"
    file.write_text("create table things (id integer);")
    await migrate(empty, schema="shop", package=PACKAGE)
    file.write_text("create table things (id bigint);")
    with pytest.raises(Conflict, match=r"0001_begin\.sql .* not the file that made"):
        await migrate(empty, schema="shop", package=PACKAGE)


async def test_a_file_that_fails_leaves_nothing_behind(empty: Pool, folder: Path) -> None:
    file = folder / "0001_begin.sql"
    file.write_text("create table things (id integer); select no_such();")
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await migrate(empty, schema="shop", package=PACKAGE)
    file.write_text("create table things (id integer);")
    await migrate(empty, schema="shop", package=PACKAGE)
    assert await empty.fetchval("select count(*) from shop.things") == 0


@pytest.mark.parametrize("name", ["0002_gap.sql", "first.sql", "0001_Words.sql"])
async def test_a_wrong_file_name_is_refused(empty: Pool, folder: Path, name: str) -> None:
    (folder / name).write_text("select 1;")
    with pytest.raises(Invalid, match="should be named 0001_"):
        await migrate(empty, schema="shop", package=PACKAGE)


async def test_two_services_share_a_database(empty: Pool, folder: Path) -> None:
    (folder / "0001_begin.sql").write_text("create table things (id integer);")
    await migrate(empty, schema="shop", package=PACKAGE)
    await migrate(empty, schema="other-shop", package=PACKAGE)
    assert await empty.fetchval('select count(*) from "other-shop".things') == 0


def _statements() -> list[tuple[str, str]]:
    queries = pumphouse.registry.queries
    modules = [
        importlib.import_module(f"{queries.__name__}.{module.name}")
        for module in pkgutil.iter_modules(queries.__path__)
    ]
    return [
        (f"{module.__name__.rpartition('.')[2]}.{name}", value)
        for module in modules
        for name, value in vars(module).items()
        if name.startswith("_") and name.isupper() and isinstance(value, str)
    ]


async def test_every_statement_fits_the_migrated_schema(pool: Pool) -> None:
    statements = _statements()
    assert len(statements) > 30
    async with pool.acquire() as connection:
        for name, statement in statements:
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{name}: {error}")


async def test_a_server_that_does_not_answer_is_unavailable_and_keeps_the_password() -> None:
    url = "postgresql://user:hush-hush@127.0.0.1:9/things"
    with pytest.raises(Unavailable) as raised:
        async with open_pool(url, name="test", wait_s=0.3):
            pass
    assert "127.0.0.1:9/things does not answer" in raised.value.message
    assert "hush" not in raised.value.message


async def test_a_database_that_does_not_exist_is_told_at_once(postgres_url: str) -> None:
    url = urlsplit(postgres_url)._replace(path="/no_such").geturl()
    with pytest.raises(Unavailable, match=r"refuses us: database .* does not exist"):
        async with open_pool(url, name="test", wait_s=60):
            pass


@pytest.mark.parametrize("url", ["mysql://a:hush@b/c", "postgresql://u:hush/hush@host/x", "hush"])
async def test_an_unusable_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Invalid, match="must look like") as raised:
        async with open_pool(url, name="test", wait_s=0.3):
            pass
    assert "hush" not in raised.value.message
