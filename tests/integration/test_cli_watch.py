"""`inventory watch`, as a process of its own, while the database is restored and while its token is replaced."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from inventory.cli.watch import RESTORED
from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory_client import InventoryClient
from tests.client.conftest import Guarded, stocked
from tests.client.test_credentials import ALL, rotated
from tests.integration.command import Command
from tests.integration.test_cli_commands import Cli

TIMEOUT_S = 90.0
LOOK_S = 0.5


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def told(watching: Command) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S))
    return row


async def said(watching: Command) -> str:
    return (await asyncio.wait_for(watching.stderr.readline(), TIMEOUT_S)).decode().rstrip("\n")


async def told_of_the_newest(watching: Command, client: InventoryClient, sku: str, at: str) -> int:
    """Adjusts until the watch, which may still be starting, has told of it; the revision."""
    newest = 0
    while True:
        newest = (await client.adjust_stock(sku, at, 1, "found")).revision
        try:
            while json.loads(await asyncio.wait_for(watching.stdout.readline(), LOOK_S))["revision"] != newest:
                pass
        except TimeoutError:
            continue
        return newest


async def ended(watching: Command) -> int | None:
    watching.send_signal(signal.SIGINT)
    await asyncio.wait_for(watching.communicate(), TIMEOUT_S)
    return watching.returncode


@pytest.mark.parametrize("options", [(), ("--after", "0")])
async def test_it_says_that_the_database_was_restored_and_goes_on(
    dsn: str, stack: AsyncExitStack, options: tuple[str, ...]
) -> None:
    owner: asyncpg.Connection = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
    stack.push_async_callback(owner.close)
    former = await stack.enter_async_context(AsyncExitStack())
    cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, former), dsn)
    stack.push_async_callback(cli.end)
    client = await stack.enter_async_context(InventoryClient(cli.address, "shop", timeout_s=TIMEOUT_S))
    sku, place = await stocked(client, 1)
    watching = await cli.spawn("watch", "--json", *options)
    await told_of_the_newest(watching, client, sku, place)

    await former.aclose()
    assert await said(watching) == "the server is gone: trying again"
    await owner.execute("UPDATE feed_head SET epoch = gen_random_uuid()")  # what a restore does
    await start(Settings(listen=cli.address), dsn, stack)
    assert await said(watching) == RESTORED
    assert await said(watching) == "live"
    changed = await client.adjust_stock(sku, place, 1, "after the restore")
    assert (await told(watching))["revision"] == changed.revision
    assert await ended(watching) == 0


async def test_it_goes_on_with_the_next_token_when_its_own_is_replaced_and_revoked(
    dsn: str, stack: AsyncExitStack, tmp_path: Path
) -> None:
    admin = await first_admin(Database(dsn, "inventory"))
    assert admin is not None
    cli = Cli(await start(Settings(listen="127.0.0.1:0", development=False), dsn, stack), dsn)
    stack.push_async_callback(cli.end)
    client = await stack.enter_async_context(InventoryClient(cli.address, token=admin, timeout_s=TIMEOUT_S))
    guarded = Guarded(cli.address, client)
    token, key_id = await guarded.token("web", *ALL)
    sku, place = await stocked(client, 1)
    path = tmp_path / "web.token"
    path.write_text(token)
    watching = await cli.spawn("watch", "--json", "--token-file", str(path))
    await told_of_the_newest(watching, client, sku, place)

    await rotated(guarded, path, key_id)
    assert await said(watching) == "the token was refused: trying the next one"
    changed = await client.adjust_stock(sku, place, 1, "after the rotation")
    assert (await told(watching))["revision"] == changed.revision
    assert await said(watching) == "live"
    assert await ended(watching) == 0
