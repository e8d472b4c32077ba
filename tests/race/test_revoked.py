"""A token is revoked while its channel sells on two servers: within 5 s nothing of it gets through, and nobody else
notices. How slow the machine is, is told by those who go on: 5 s count from there."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc

from inventory.domain.access import Access, Scope
from inventory.domain.audit import SERVER
from inventory.domain.credential import CredentialKind, digest, make_token
from inventory.postgres import audit
from inventory.postgres.access import NewCredential, add_credential, changing, channel_id_of, revoke, set_access
from inventory.postgres.connection import Database
from tests.race.house import CALL_TIMEOUT_S, Client, House, reason, until, within
from tests.race.processes import Server

WORKERS = 4
WITHIN_S = 5.0
BEFORE_CALLS = 50
AFTER_CALLS = 50
SECRETS = {"web": b"\x01" * 40, "kept": b"\x02" * 40}


@dataclass
class Sold:
    """What one channel's callers were told: when each call began and ended, and its outcome."""

    calls: list[tuple[float, float, str]] = field(default_factory=list)

    def since(self, at_s: float) -> int:
        """How many calls began after that."""
        return sum(began > at_s for began, _, _ in self.calls)

    def slowest_s(self) -> float:
        return max((ended - began for began, ended, _ in self.calls), default=0.0)


async def let_in(database: Database, channel: str) -> str:
    token = make_token(SECRETS[channel])
    async with changing(database) as change:
        await set_access(change, channel, Access(frozenset({Scope.RESERVATION})), ())
        channel_id = await channel_id_of(change, channel)
        assert channel_id is not None
        new = NewCredential(token.key_id, CredentialKind.TOKEN, digest(token.text), channel)
        await add_credential(change, channel_id, channel, new, None)
        change.note("CreateToken", channel_id, SERVER, None)
    return token.text


@within(120)
async def test_a_token_revoked_under_load_sells_nothing_after_5_s(house: House) -> None:
    (_, stocker), *_ = await house.servers(None)
    await house.stock(stocker, {"apple": 1_000_000})
    database = Database(house.dsn, "inventory")
    tokens = {channel: await let_in(database, channel) for channel in SECRETS}
    clients = [await guarded(house) for _ in range(2)]
    loop = asyncio.get_running_loop()
    sold = {channel: Sold() for channel in tokens}
    stop = asyncio.Event()

    async def sell(channel: str, client: Client) -> None:
        metadata: Any = (("authorization", f"Bearer {tokens[channel]}"),)
        while not stop.is_set():
            began = loop.time()
            try:
                await client.reservations.Reserve(
                    house.request({"apple": 1}), timeout=CALL_TIMEOUT_S, metadata=metadata
                )
                outcome = ""
            except grpc.aio.AioRpcError as error:
                outcome = reason(error)
            sold[channel].calls.append((began, loop.time(), outcome))
            if outcome:
                await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for channel in tokens:
            for client in clients:
                for _ in range(WORKERS):
                    group.create_task(sell(channel, client))

        async def both_have_sold() -> bool:
            return all(len(told.calls) >= BEFORE_CALLS for told in sold.values())

        await until(both_have_sold)
        revoking_at = loop.time()
        async with changing(database) as change:
            await revoke(change, make_token(SECRETS["web"]).key_id)
            change.note("RevokeCredential", 0, SERVER, None)
        revoked_at = loop.time()

        def shut_at() -> float:
            return revoked_at + WITHIN_S + sold["kept"].slowest_s()

        async def both_have_called_since() -> bool:
            return all(told.since(shut_at()) >= AFTER_CALLS for told in sold.values())

        await until(both_have_called_since)
        stop.set()

    web, kept = sold["web"].calls, sold["kept"].calls
    assert {outcome for _, ended, outcome in web if ended < revoking_at} == {""}
    assert {outcome for began, _, outcome in web if began > shut_at()} == {"CREDENTIALS_INVALID"}
    assert {outcome for _, _, outcome in web} == {"", "CREDENTIALS_INVALID"}
    assert {outcome for _, _, outcome in kept} == {""}, "others noticed"
    rows = await house.sql.fetch(
        "SELECT channel.code, count(*) FROM reservation JOIN channel USING (channel_id) GROUP BY channel.code"
    )
    stored = {row[0]: row[1] for row in rows}
    assert stored == {channel: sum(not outcome for _, _, outcome in told.calls) for channel, told in sold.items()}
    entries = await house.sql.fetch(
        "SELECT key_id, count(*) FROM audit_entry WHERE action = 'Reserve' AND code = 0 GROUP BY key_id"
    )
    assert {row[0]: row[1] for row in entries} == {
        make_token(SECRETS[channel]).key_id: stored[channel] for channel in stored
    }
    assert [line async for found in audit.verify(database) for line in found.wrong] == []
    await house.prove()


async def guarded(house: House) -> Client:
    server = await Server.start(house.dsn, development=False)
    house.keep(server)
    client = Client(server.address, own=True)
    house.clients.append(client)
    return client
