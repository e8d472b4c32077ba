"""What an admin does at the doors, and what others see of it: two tokens at most, each made once."""

# ruff: noqa: F811 - a fixture of another module

import json
import secrets
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.domain.access import Scope
from inventory.domain.refusal import Reason
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader
from inventory.rpc.doors import Doors
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from tests.rpc.client import new_id, refusal, unique
from tests.rpc.test_doors import House, bearer, house  # noqa: F401 - a fixture

REUSED = ("ALREADY_EXISTS", "REQUEST_ID_REUSED")


async def live(house: House, channel: str) -> int:
    found = await house.ask(house.access.ListCredentials, pb2.ListCredentialsRequest(channel=channel))
    return sum(one.in_force for one in found.credentials)


async def rotate(house: House, key_id: str, **fields: Any) -> Any:
    request = pb2.RotateTokenRequest(**{"request_id": new_id(), "key_id": key_id, **fields})
    return await house.ask(house.access.RotateToken, request)


async def test_however_often_it_is_rotated_a_channel_has_two_tokens_in_force(house: House) -> None:
    channel = unique("rotated")[:30]
    key_id = (await house.let_in(channel, Scope.STOCK_READ))[0][1].split("_")[1]
    for _ in range(4):
        try:
            await rotate(house, key_id, ttl=Duration(seconds=60), overlap=Duration(seconds=3600))
        except grpc.aio.AioRpcError:
            break
    assert await live(house, channel) == 2


async def test_a_request_id_stands_for_one_rotation(house: House) -> None:
    channel, other = unique("one")[:30], unique("other")[:30]
    first = (await house.let_in(channel, Scope.STOCK_READ))[0][1].split("_")[1]
    second = (await house.let_in(other, Scope.STOCK_READ))[0][1].split("_")[1]
    request_id = new_id()
    await rotate(house, first, request_id=request_id, overlap=Duration(seconds=60))
    assert (await refusal(rotate(house, second, request_id=request_id))).what == REUSED
    assert await live(house, other) == 1
    assert (await refusal(house.token(other, request_id=request_id))).what == REUSED
    assert (await refusal(house.token(channel, name="another", request_id=request_id))).what == REUSED


async def test_settings_of_another_channel_are_not_found(house: House) -> None:
    mine, theirs = unique("mine")[:30], unique("theirs")[:30]
    metadata = await house.let_in(mine, Scope.STOCK_READ)
    await house.let_in(theirs, Scope.STOCK_READ)
    for code in (theirs, "nobody"):
        found = await refusal(
            house.client.channels.GetChannel(channel_pb2.GetChannelRequest(channel=code), metadata=metadata)
        )
        assert found.what == ("NOT_FOUND", "CHANNEL_NOT_FOUND"), code
    own = await house.client.channels.GetChannel(channel_pb2.GetChannelRequest(), metadata=metadata)
    assert own.channel.channel == mine


async def test_who_was_refused_is_told_later_if_the_database_has_no_time_now(module_dsn: str) -> None:
    database = Database(module_dsn, "inventory")
    reader = await Reader.open(database)
    other = await database.connect()
    peer = f"ipv4:192.0.2.{secrets.randbelow(256)}:1"
    try:
        doors = Doors(reader)
        doors.note_refused(Reason.CREDENTIALS_INVALID, 16, peer, None, "")
        async with other.transaction():
            await other.execute("SELECT FROM feed_head FOR UPDATE")
            with pytest.raises(StorageError):
                await doors.note()
            doors.note_refused(Reason.CREDENTIALS_INVALID, 16, peer, None, "")
        await doors.note()
        told = await other.fetch(
            "SELECT detail FROM audit_entry WHERE action = 'Authenticate' AND peer = $1", peer.rpartition(":")[0]
        )
        assert [json.loads(row["detail"])["times"] for row in told] == [2]
    finally:
        await other.close()
        await reader.close()
