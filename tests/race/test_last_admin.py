"""Two admins take the scope from each other at once, by whichever way: one of them stays."""

import asyncio
import itertools
from functools import partial
from typing import Any

import grpc
import pytest

from inventory.domain.access import Scope
from inventory.domain.refusal import Reason, Refusal
from inventory.postgres.access import changing, first_admin, new_admin, revoke
from inventory.postgres.connection import Database
from inventory.v1 import access_pb2
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.race.house import House, until, within
from tests.rpc.client import Client, eventually, new_id, of_error
from tests.rpc.doors import guarded, outcome

ADMINS = ("alice", "bob")
TOO_LATE = {"LAST_ADMIN", "CREDENTIALS_INVALID", "SCOPE_REQUIRED"}
"""The last two: who was removed asked after its server had heard of it."""


async def removal(by: Client, channel: str, token: str, *, revokes: bool) -> str:
    """The reason why not; '' when it is done."""
    stub: Any = AccessServiceStub(by.channel)
    try:
        if revokes:
            key_id = token.split("_")[1]
            await stub.RevokeCredential(pb2.RevokeCredentialRequest(request_id=new_id(), key_id=key_id))
        else:
            access = pb2.Access(scopes=[access_pb2.SCOPE_STOCK_READ])
            await stub.SetAccess(pb2.SetAccessRequest(request_id=new_id(), channel=channel, access=access))
    except grpc.aio.AioRpcError as error:
        return of_error(error).reason
    return ""


async def comes_in(client: Client) -> bool:
    return isinstance(await outcome(client, "AccessService/WhoAmI", b""), bytes)


@within(60)
@pytest.mark.parametrize("ways", list(itertools.product((True, False), repeat=2)), ids=str)
async def test_of_two_admins_who_remove_each_other_one_stays(ways: tuple[bool, bool], dsn: str) -> None:
    async with guarded(dsn, servers=2) as doors:
        tokens, clients = {}, {}
        for place, name in enumerate(ADMINS):
            await doors.limit(name, Scope.ADMIN)
            tokens[name] = await doors.token(name)
            clients[name] = doors.client(tokens[name], at=place)
        for client in clients.values():
            await eventually(partial(comes_in, client), "both can come in")
        async with changing(Database(dsn)) as change:
            found = await change.fetch("read_credentials", "admin", None, None, "", None)
            for row in found:
                if row["in_force"]:
                    await revoke(change, row["key_id"])
        (alice, bob), (first, second) = ADMINS, ways
        outcomes = await asyncio.gather(
            removal(clients[alice], bob, tokens[bob], revokes=first),
            removal(clients[bob], alice, tokens[alice], revokes=second),
        )
        assert outcomes.count("") == 1
        assert set(outcomes) - {""} < TOO_LATE
        assert await first_admin(Database(dsn)) is None, "somebody may still do everything"


@within(30)
async def test_who_waits_for_the_lock_is_judged_by_what_it_finds_then(house: House) -> None:
    database = Database(house.dsn)
    async with changing(database) as change:
        key_id = (await new_admin(change, "one")).split("_")[1]
        other = (await new_admin(change, "another")).split("_")[1]

    async def remove() -> Reason | None:
        try:
            async with changing(database) as change:
                await revoke(change, other)
        except Refusal as refusal:
            return refusal.reason
        return None

    async with changing(database) as change:
        await revoke(change, key_id)
        waits = asyncio.create_task(remove())
        await until(house.waits_for_a_lock)
    assert await waits is Reason.LAST_ADMIN
