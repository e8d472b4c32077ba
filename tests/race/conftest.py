"""A house for each test that asks."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from inventory.postgres.embedded import SERVER_ROLE
from inventory.postgres.migrate import migrate
from tests.race.house import House
from tests.race.processes import Postgres


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A migrated database of its own; everything the test starts there is ended."""
    async with House(dsn, request.node.name) as house:
        yield house


@pytest.fixture
async def crashing(scratch: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Postgres, House]]:
    """A PostgreSQL of its own with a house in it. The tests' shared one must not crash."""
    with tempfile.TemporaryDirectory(prefix="inventory-race-", dir=scratch) as directory:
        postgres = await Postgres.start(Path(directory))
        try:
            connection = await asyncpg.connect(postgres.dsn)
            await migrate(connection, "inventory", server_role=SERVER_ROLE)
            await connection.close()
            async with House(postgres.dsn, request.node.name) as house:
                house.keep(postgres)
                yield postgres, house
        finally:
            await postgres.stop()
