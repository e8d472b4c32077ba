"""A real server in this process, and a real channel to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from inventory.feed import hub
from inventory.feed.buffer import Selection
from inventory.server import start
from inventory.settings import Settings
from tests.conftest import as_server
from tests.rpc.client import Client, Server


@asynccontextmanager
async def serving(dsn: str, schema: str = "inventory") -> AsyncIterator[Server]:
    """A server that works as a role that owns nothing; `Server.dsn` is the owner's."""
    async with AsyncExitStack() as stack:
        settings = Settings(listen="127.0.0.1:0", db_schema=schema, owner_dsn=dsn)
        address = await start(settings, as_server(dsn), stack)
        yield Server(address, dsn, schema)


@pytest.fixture(scope="module")
async def server(module_dsn: str) -> AsyncIterator[Server]:
    """One per module: tests make their own SKUs and locations."""
    async with serving(module_dsn) as running:
        yield running


@pytest.fixture(scope="module")
async def twin(server: Server) -> AsyncIterator[Server]:
    """A second server on the same database."""
    async with serving(server.dsn) as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    opened = Client(server.address)
    yield opened
    await opened.close()


@pytest.fixture
async def twin_client(twin: Server) -> AsyncIterator[Client]:
    opened = Client(twin.address)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def db(server: Server) -> AsyncIterator[asyncpg.Connection]:
    """The database behind the server's back."""
    opened = await server.connect()
    yield opened
    await opened.close()


@pytest.fixture
async def forgetful(server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client of one more server on the same database, whose feed remembers next to nothing: it reads the database."""
    monkeypatch.setattr(hub, "RING_RECORDS_MAX", 1)
    monkeypatch.setattr(Selection, "RECORDS_MAX", 1)
    monkeypatch.setattr("inventory.postgres.changes.PAGE_ROWS", 4)
    async with serving(server.dsn) as running:
        opened = Client(running.address)
        yield opened
        await opened.close()
