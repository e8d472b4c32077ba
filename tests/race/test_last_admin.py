"""Two admins take the scope from each other at once, by whichever way: one of them stays."""

import asyncio
import itertools
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest

from inventory.domain.access import FULL_ACCESS, Access, Scope
from inventory.domain.credential import CredentialKind, digest, make_token
from inventory.domain.refusal import Reason, Refusal
from inventory.postgres.access import (
    NewCredential,
    add_credential,
    changing,
    channel_id_of,
    first_admin,
    new_admin,
    revoke,
    set_access,
)
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


@within(30)
async def test_what_opens_nothing_is_no_admin(dsn: str) -> None:
    """Neither a token that has run out, nor one that takes a certificate when there is none."""
    database = Database(dsn)
    async with changing(database) as change:
        key_id = (await new_admin(change, "the only one")).split("_")[1]
        await set_access(change, "late", FULL_ACCESS, ())
        channel_id = await channel_id_of(change, "late")
        assert channel_id is not None
        token = make_token(b"\x05" * 40)
        ended = NewCredential(token.key_id, CredentialKind.TOKEN, digest(token.text), "", timedelta(0))
        await add_credential(change, channel_id, "late", ended, None)
    with pytest.raises(Refusal) as revoked:
        async with changing(database) as change:
            await revoke(change, key_id)
    with pytest.raises(Refusal) as shut:
        async with changing(database) as change:
            await set_access(change, "admin", FULL_ACCESS._replace(certificate_required=True), ())
    with pytest.raises(Refusal) as taken:
        async with changing(database) as change:
            await set_access(change, "admin", Access(frozenset({Scope.STOCK_READ})), ())
    assert {revoked.value.reason, shut.value.reason, taken.value.reason} == {Reason.LAST_ADMIN}
    assert await first_admin(database) is None, "nothing of it was done"


@within(30)
async def test_who_was_replaced_and_is_still_there_for_a_while_is_no_last_admin(dsn: str) -> None:
    database = Database(dsn)
    async with changing(database) as change:
        old = (await new_admin(change, "old")).split("_")[1]
    async with changing(database) as change:  # as a rotation does
        await revoke(change, old, timedelta(hours=1))
        new = (await new_admin(change, "new")).split("_")[1]
    with pytest.raises(Refusal) as revoked:
        async with changing(database) as change:
            await revoke(change, new)
    assert revoked.value.reason is Reason.LAST_ADMIN
    async with changing(database) as change:
        await revoke(change, old)
