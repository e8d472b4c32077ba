"""A house for each test that asks."""

from collections.abc import AsyncIterator

import pytest

from tests.race.house import House


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A migrated database of its own; everything the test starts there is ended."""
    async with House(dsn, request.node.name) as house:
        yield house
