"""Real servers that can be stopped and started again, and clients of the package on them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg
import pytest

from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import access_service_pb2
from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory_client import InventoryClient
from tests.conftest import as_server
from tests.rpc.client import PATIENCE_S, unique

CHANNEL = "shop"


@dataclass
class Replica:
    """One server of a database; started again it keeps its address."""

    dsn: str
    address: str = "127.0.0.1:0"
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        self.address = await start(Settings(listen=self.address), as_server(self.dsn), self._stack)

    async def stop(self) -> None:
        await self._stack.aclose()


@dataclass
class House:
    """One database of its own, its servers, and what tests make again and again."""

    dsn: str
    replicas: list[Replica] = field(default_factory=list)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def replica(self) -> Replica:
        replica = Replica(self.dsn)
        await replica.start()
        self.replicas.append(replica)
        return replica

    async def client(self, *replicas: Replica, channel: str = CHANNEL, timeout_s: float = 10.0) -> InventoryClient:
        """One of these replicas, or of all."""
        addresses = [replica.address for replica in replicas or self.replicas]
        return await self._stack.enter_async_context(InventoryClient(addresses, channel, timeout_s=timeout_s))

    async def sql(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": "inventory"})
        self._stack.push_async_callback(connection.close)
        return connection

    async def close(self) -> None:
        await self._stack.aclose()
        for replica in self.replicas:
            await replica.stop()


@pytest.fixture
async def house(dsn: str) -> AsyncIterator[House]:
    opened = House(dsn)
    yield opened
    await opened.close()


async def stocked(client: InventoryClient, on_hand: int, location: str = "", category: str = "") -> tuple[str, str]:
    """A new SKU with so much on hand, at a new location unless one is named."""
    sku, place = unique("sku"), location or unique("loc")
    places = [] if location else [Location(location=place)]
    await client.import_catalog(skus=[Sku(sku=sku, category=category)], locations=places)
    if on_hand:
        await client.adjust_stock(sku, place, on_hand, "test")
    return sku, place


@dataclass(frozen=True)
class Guarded:
    """A server that lets in whoever shows a token, and one that may do everything."""

    address: str
    admin: InventoryClient

    async def let_in(self, channel: str, *scopes: str, requests_per_second: int | None = None) -> None:
        access = access_service_pb2.Access(
            scopes=[f"SCOPE_{scope.upper().replace(':', '_')}" for scope in scopes],
            requests_per_second=requests_per_second,
        )
        await self.admin.set_access(channel, access)

    async def token(self, channel: str, *scopes: str) -> tuple[str, str]:
        """A new token of the channel, and its key's id."""
        await self.let_in(channel, *scopes)
        made = await self.admin.create_token(channel)
        return made.token, made.credential.key_id


@pytest.fixture
async def guarded(dsn: str) -> AsyncIterator[Guarded]:
    token = await first_admin(Database(dsn, "inventory"))
    assert token is not None
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", development=False), dsn, stack)
        admin = await stack.enter_async_context(InventoryClient(address, token=token, timeout_s=PATIENCE_S))
        yield Guarded(address, admin)
