"""Subscribers that don't read, read slowly, or are gone without a word: the others don't notice, and the server keeps
bounded memory for them."""

import asyncio
import signal

import grpc
from google.protobuf.empty_pb2 import Empty

from inventory.rpc.transport import KEEPALIVE_TIMEOUT_MS
from inventory.v1.watch_service_pb2 import WatchRequest, WatchResponse
from tests.race.follower import ALL_KINDS, Follower, head, whole_ledger
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, reason, until, within
from tests.race.load import fat, open_shops, writing
from tests.race.processes import Process, Server, kernel_buffer_bytes, start_watchers
from tests.race.watchers import CHANNEL_KEY, STREAMS_PER_CHANNEL_MAX

SKUS = [f"sku-{n:02}" for n in range(30)]
COMMANDS = 25
ROWS = 800
MIB = 1024 * 1024
SERVER_BYTES_PER_STREAM_MAX = 1 * MIB
"""What a stream whose client doesn't read may cost the server: the message it waits with."""
SERVER_BYTES_MAX = 96 * MIB
"""What the rest may cost it meanwhile: the ring, the pages of a catch-up, everybody else."""


class Trial:
    """Much is written while bad subscribers hang on a server; a good one follows, from before until after."""

    def __init__(self, house: House, server: Server, client: Client) -> None:
        self.house = house
        self.server = server
        self.client = client
        self.end: int | None = None
        self.good: Follower

    async def run(self, watchers: Process, streams: int, silent_since_s: float | None = None) -> None:
        """The good one is told the ledger, every write is answered within its deadline, and what the bad ones were not
        told is not kept for them in memory: not in the server's, and, as proof that they are stuck, in nobody's.

        `silent_since_s`: since when, by the loop's clock, they don't even answer a ping. Then they may be cut off, but
        no earlier than they may be.
        """
        start = await head(self.house.sql)
        self.good = Follower(start, kinds=ALL_KINDS)
        server_bytes, watchers_bytes = self.server.memory_bytes(), watchers.memory_bytes()
        kernel_bytes = kernel_buffer_bytes()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.good.follow(self.client, self._is_over))
            async with writing(self.house, [self.client], SKUS, [SHOP], workers=2) as load:
                for _ in range(COMMANDS):
                    command = fat(self.house, SKUS, SHOP, ROWS)
                    await self.client.stock.BatchAdjustStock(command, timeout=CALL_TIMEOUT_S)
                await load.stop()
                self.end = await head(self.house.sql)
        silent_s = 0.0 if silent_since_s is None else asyncio.get_running_loop().time() - silent_since_s
        assert silent_s > KEEPALIVE_TIMEOUT_MS / 1000 or self.server.connections() >= streams, "nobody was cut off"
        server_bytes = self.server.memory_peak_bytes() - server_bytes
        watchers_bytes = watchers.memory_bytes() - watchers_bytes
        kernel_bytes = kernel_buffer_bytes() - kernel_bytes
        due_bytes = self.good.bytes * streams
        allowed_bytes = SERVER_BYTES_MAX + streams * SERVER_BYTES_PER_STREAM_MAX
        assert due_bytes > 5 * allowed_bytes
        assert server_bytes < allowed_bytes
        assert server_bytes + watchers_bytes + kernel_bytes < 0.8 * due_bytes
        assert self.good.rows() == await whole_ledger(self.house.sql, start, self.end)

    def _is_over(self) -> bool:
        return self.end is not None and self.good.at >= self.end


@within(150)
async def test_subscribers_that_read_nothing_or_slowly_delay_nobody(house: House) -> None:
    """Also not the slow one's neighbours on the same connection; it is told everything all the same."""
    streams = 90
    server, client = await house.server()
    await open_shops(house, client, SKUS, [SHOP])
    watchers = await start_watchers(server.address, streams, SKUS)
    house.keep(watchers)
    trial = Trial(house, server, client)
    start = await head(house.sql)
    slow = Follower(start, kinds=ALL_KINDS)
    slow.pause_s = 1.0
    over = asyncio.Event()
    reading = asyncio.create_task(slow.follow(client, lambda: over.is_set() and slow.at >= (trial.end or 0)))
    await trial.run(watchers, streams)
    assert trial.end is not None
    assert 0 < slow.messages < trial.good.messages / 2
    assert slow.at < trial.end, "still behind"
    slow.pause_s = 0.0
    over.set()
    await reading
    assert slow.rows() == await whole_ledger(house.sql, start, trial.end)
    await house.prove()


@within(150)
async def test_two_hundred_that_vanish_delay_nobody(house: House) -> None:
    """Their process is stopped: it says no more, not even that it is gone. Once it is, their room is free again."""
    streams = 200
    server, client = await house.server()
    await open_shops(house, client, SKUS, [SHOP])
    watchers = await start_watchers(server.address, streams, SKUS)
    house.keep(watchers)
    stopped_at_s = asyncio.get_running_loop().time()
    watchers.signal(signal.SIGSTOP)
    await Trial(house, server, client).run(watchers, streams, stopped_at_s)
    assert watchers.is_stopped(), "all the while"
    await watchers.kill()

    async def there_is_room() -> bool:
        begun = await asyncio.gather(*(begins(client, "watchers-0") for _ in range(STREAMS_PER_CHANNEL_MAX)))
        return all(begun)

    await until(there_is_room)
    await house.prove()


async def begins(client: Client, channel: str) -> bool:
    """Whether a stream of this channel is let in."""
    call = client.feed.Watch(WatchRequest(now=Empty()), metadata=((CHANNEL_KEY, channel),))
    try:
        return isinstance(await call.read(), WatchResponse)
    except grpc.aio.AioRpcError as error:
        if reason(error) != "STREAM_LIMIT":
            raise
        return False
    finally:
        call.cancel()
