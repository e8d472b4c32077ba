"""The database is restored from a back-up behind a running server: its open streams must not go on."""

import asyncpg

from tests.rpc.client import Client
from tests.rpc.conftest import serving
from tests.rpc.follower import NOW, following


async def test_a_restored_database_ends_the_open_streams(dsn: str) -> None:
    async with serving(dsn) as server:
        client = Client(server.address)
        db: asyncpg.Connection = await server.connect()
        try:
            sku, place = await client.stocked(100)
            async with following(client, now=NOW) as every, following(client, now=NOW, mode=2) as latest:
                for follower in (every, latest):
                    await follower.begun()
                moved = await client.adjust(sku, place, 1)
                for follower in (every, latest):
                    await follower.up_to(moved.revision)
                await db.execute("UPDATE feed_head SET epoch = gen_random_uuid()")  # what a restore does
                await client.adjust(sku, place, 1)
                for follower in (every, latest):
                    assert (await follower.ended()).what == ("FAILED_PRECONDITION", "EPOCH_CHANGED")
        finally:
            await db.close()
            await client.close()
