"""Every named query fits the migrated schema, so that a misspelt column fails here and not at night."""

import asyncpg
import pytest

from inventory.postgres import queries
from inventory.postgres.connection import Database

SQL = queries.load()


@pytest.mark.parametrize("name", SQL)
async def test_the_query_can_be_prepared(name: str, module_dsn: str) -> None:
    connection = await Database(module_dsn).connect()
    try:
        statement = await connection.prepare(SQL[name])
        numbers = len(statement.get_parameters())
        assert all(f"${number}" in SQL[name] for number in range(1, numbers + 1)), "no parameter goes unused"
    finally:
        await connection.close()


async def test_a_misspelt_column_fails(module_dsn: str) -> None:
    connection = await Database(module_dsn).connect()
    try:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.prepare(SQL["read_head"].replace("compacted", "compcated"))
    finally:
        await connection.close()


def test_no_query_names_a_schema() -> None:
    for name, sql in SQL.items():
        for table in ("level", "movement", "sku", "request", "feed_head"):
            assert f"inventory.{table}" not in sql, name
