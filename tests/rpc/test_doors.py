"""Who may come in: every method against every kind of credential, from the descriptors; and how long a no takes to be
everywhere."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

import inventory.v1
from inventory.domain.access import GRANTABLE, Scope
from inventory.domain.credential import make_token
from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.rpc import doors
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import access_pb2, reservation_service_pb2, stock_service_pb2, watch_service_pb2
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.rpc.client import (
    PATIENCE_S,
    Client,
    Refused,
    eventually,
    new_id,
    of_error,
    refusal,
    reserve_request,
    seconds,
    unique,
)

Metadata = tuple[tuple[str, str], ...]
WITHIN_S = 5.0
WATCH_NOW = watch_service_pb2.WatchRequest(now=Empty())


@dataclass(frozen=True)
class Method:
    """One of the API."""

    path: str
    scope: Scope
    kind: str = "unary_unary"

    def __str__(self) -> str:
        return self.path.rpartition(".")[2]


def methods() -> list[Method]:
    found = []
    for module in pkgutil.iter_modules(inventory.v1.__path__, "inventory.v1."):
        if module.name.endswith("_service_pb2"):
            for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    scope = Scope(method.GetOptions().Extensions[access_pb2.scope])
                    sides = (method.client_streaming, method.server_streaming)
                    kind = "_".join("stream" if streaming else "unary" for streaming in sides)
                    found.append(Method(f"/{service.full_name}/{method.name}", scope, kind))
    return found


METHODS = methods()


@dataclass
class House:
    """A server that asks for credentials, a second one on the same database, and an admin."""

    address: str
    twin: str
    admin: str
    client: Client
    twin_client: Client
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def access(self) -> Any:
        return AccessServiceStub(self.client.channel)

    async def let_in(self, channel: str, *scopes: Scope, **limits: Any) -> Metadata:
        """A new token of a channel that may so much."""
        await self.limit(channel, *scopes, **limits)
        return bearer((await self.token(channel)).token)

    async def limit(self, channel: str, *scopes: Scope, **limits: Any) -> None:
        access = pb2.Access(scopes=[access_pb2.Scope.Name(scope) for scope in scopes], **limits)
        await self.ask(self.access.SetAccess, pb2.SetAccessRequest(request_id=new_id(), channel=channel, access=access))

    async def token(self, channel: str, **fields: Any) -> pb2.CreateTokenResponse:
        request = pb2.CreateTokenRequest(**{"request_id": new_id(), "channel": channel, **fields})
        made: pb2.CreateTokenResponse = await self.ask(self.access.CreateToken, request)
        return made

    async def revoke(self, key_id: str) -> pb2.RevokeCredentialResponse:
        request = pb2.RevokeCredentialRequest(request_id=new_id(), key_id=key_id)
        revoked: pb2.RevokeCredentialResponse = await self.ask(self.access.RevokeCredential, request)
        return revoked

    async def ask(self, method: Any, request: Any) -> Any:
        return await method(request, metadata=bearer(self.admin))

    async def knock(self, method: Method, metadata: Metadata, *, at: Client | None = None) -> Refused | None:
        """Calls a method with an empty message, whatever its arity; None: it was answered."""
        make: Any = getattr((at or self.client).channel, method.kind)
        request = iter([b""]) if method.kind.startswith("stream") else b""
        call = make(method.path)(request, metadata=metadata, timeout=10)
        try:
            answer = await (call if method.kind == "unary_unary" else call.read())
        except grpc.aio.AioRpcError as error:
            if error.details() == "Internal error from Core":  # of our own side: it was still sending
                return await self.knock(method, metadata, at=at)
            return of_error(error)
        call.cancel()
        if answer is grpc.aio.EOF and await call.code() is not grpc.StatusCode.OK:
            return of_error(await _status_of(call))
        return None


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture(scope="module")
async def house(module_dsn: str) -> AsyncIterator[House]:
    settings = Settings(listen="127.0.0.1:0", development=False)
    async with AsyncExitStack() as stack:
        addresses = [await start(settings, module_dsn, stack) for _ in range(2)]
        admin = await first_admin(Database(module_dsn, "inventory"))
        assert admin is not None
        clients = [Client(address) for address in addresses]
        for client in clients:
            stack.push_async_callback(client.close)
        found = House(addresses[0], addresses[1], admin, clients[0], clients[1])

        async def comes_in() -> bool:
            answers = [await found.knock(WHO_AM_I, bearer(admin), at=client) for client in clients]
            return answers == [None, None]

        await eventually(comes_in, "the admin can come in")
        yield found


WHO_AM_I = Method("/inventory.v1.AccessService/WhoAmI", Scope.NONE)
UNKNOWN = make_token(b"\x07" * 40).text


async def _revoked(house: House) -> Metadata:
    metadata = await house.let_in("gone", *GRANTABLE)
    await house.revoke(metadata[0][1].split("_")[1])
    return metadata


async def _expired(house: House) -> Metadata:
    await house.limit("short", *GRANTABLE)
    made = await house.token("short", ttl=seconds(1))
    metadata = bearer(made.token)

    async def has_ended() -> bool:
        return await house.knock(WHO_AM_I, metadata) is not None

    await eventually(has_ended, "the token has run out")
    return metadata


async def _same(metadata: Metadata) -> Metadata:
    return metadata


BAD: dict[str, Callable[[House], Awaitable[Metadata]]] = {
    "none": lambda house: _same(()),
    "a channel's name alone": lambda house: _same((("inventory-channel", "web"),)),
    "unknown": lambda house: _same(bearer(UNKNOWN)),
    "revoked": _revoked,
    "expired": _expired,
    "mistyped": lambda house: _same(bearer(house.admin[:-1] + ("0" if house.admin[-1] != "0" else "1"))),
    "cut": lambda house: _same(bearer(house.admin[:40])),
    "empty": lambda house: _same((("authorization", ""),)),
    "another scheme": lambda house: _same((("authorization", f"Basic {house.admin}"),)),
    "no scheme": lambda house: _same((("authorization", house.admin),)),
    "twice": lambda house: _same(bearer(house.admin) * 2),
    "right and wrong": lambda house: _same((*bearer(house.admin), *bearer(UNKNOWN))),
    "64 KiB": lambda house: _same(bearer("x" * 8_000)),
}


@pytest.fixture(scope="module")
async def bad(house: House) -> dict[str, Metadata]:
    return {name: await make(house) for name, make in BAD.items()}


@pytest.mark.parametrize("method", METHODS, ids=str)
async def test_no_method_lets_anybody_in_without_a_credential_in_force(
    method: Method, house: House, bad: dict[str, Metadata]
) -> None:
    seen = set()
    for name, metadata in bad.items():
        found = await house.knock(method, metadata)
        assert found is not None, name
        missing = name in ("none", "a channel's name alone")
        assert found.what == ("UNAUTHENTICATED", f"CREDENTIALS_{'MISSING' if missing else 'INVALID'}"), name
        seen.add(found.message)
    assert len(seen) == 1, "the text tells them apart"


@pytest.mark.parametrize("method", [method for method in METHODS if method.scope is not Scope.NONE], ids=str)
async def test_a_method_takes_its_scope_and_no_other(method: Method, house: House) -> None:
    others = [scope for scope in GRANTABLE if scope not in (method.scope, Scope.ADMIN)]
    key = f"all but {method.scope.name}"
    if key not in house.tokens:
        house.tokens[key] = (await house.let_in(f"no-{method.scope.value}", *others))[0][1]
        house.tokens[method.scope.name] = (await house.let_in(f"only-{method.scope.value}", method.scope))[0][1]
    refused = await house.knock(method, (("authorization", house.tokens[key]),))
    assert refused is not None
    assert refused.what == ("PERMISSION_DENIED", "SCOPE_REQUIRED")
    assert refused.metadata == {"scope": method.scope.text}
    admitted = await house.knock(method, (("authorization", house.tokens[method.scope.name]),))
    assert admitted is None or admitted.code not in ("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED"), admitted


@pytest.mark.parametrize("method", METHODS, ids=str)
async def test_in_another_channel_s_name_only_an_admin_calls(method: Method, house: House) -> None:
    if "many" not in house.tokens:
        await house.limit("other", Scope.STOCK_READ)
        scopes = [scope for scope in GRANTABLE if scope is not Scope.ADMIN]
        house.tokens["many"] = (await house.let_in("many", *scopes))[0][1]
    named = (("authorization", house.tokens["many"]), ("inventory-channel", "other"))
    refused = await house.knock(method, named)
    assert refused is not None
    assert refused.what == ("PERMISSION_DENIED", "SCOPE_REQUIRED")
    if method.scope is not Scope.ADMIN:
        assert refused.message == "the credential is channel many's: acting for channel other takes the scope admin"
    unknown = await house.knock(method, (*named[:1], ("inventory-channel", "never-heard-of")))
    assert unknown is not None
    told = replace(unknown, message=unknown.message.replace("never-heard-of", "other"))
    assert told == refused, "it tells which channels there are"
    admitted = await house.knock(method, (*bearer(house.admin), ("inventory-channel", "other")))
    assert admitted is None or admitted.code not in ("PERMISSION_DENIED", "UNAUTHENTICATED"), admitted


async def test_a_mistyped_channel_is_refused_and_not_made(house: House) -> None:
    found = await house.knock(WHO_AM_I, (*bearer(house.admin), ("inventory-channel", "wbe")))
    assert found is not None
    assert found.what == ("NOT_FOUND", "CHANNEL_NOT_FOUND")


async def test_turned_away_callers_cost_no_database(house: House, module_dsn: str) -> None:
    """Also while nobody can read a credential."""
    connection = await asyncpg.connect(module_dsn, server_settings={"search_path": "inventory"})
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE credential, channel, channel_access IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(10):
                for metadata in ((), bearer(UNKNOWN)) * 50:
                    found = await house.knock(METHODS[0], metadata)
                    assert found is not None
                    assert found.code == "UNAUTHENTICATED"
    finally:
        await connection.close()


async def test_a_revoked_token_opens_nothing_at_any_server_within_5_s(house: House) -> None:
    metadata = await house.let_in(unique("web")[:30], Scope.STOCK_READ)
    for client in (house.client, house.twin_client):
        await _comes_in(house, client, metadata)
    await house.revoke(metadata[0][1].split("_")[1])
    assert (await refusal_at(house, house.client, metadata)).reason == "CREDENTIALS_INVALID"  # here at once

    async def is_out() -> bool:
        return await house.knock(WHO_AM_I, metadata, at=house.twin_client) is not None

    await eventually(is_out, "the other server turns it away")
    assert 2 * doors.LOOK_S < WITHIN_S, "by its next look, whenever that is"


@pytest.mark.parametrize("what", ["revoked", "changed"])
async def test_open_streams_end_within_5_s(what: str, house: House) -> None:
    channel = unique("follower")[:30]
    metadata = await house.let_in(channel, Scope.WATCH, Scope.RESERVATION)
    streams: list[Any] = []
    for client in (house.client, house.twin_client):
        await _comes_in(house, client, metadata)
        watch = client.watch.Watch(WATCH_NOW, metadata=metadata)
        assert await watch.read() is not grpc.aio.EOF
        reserving = client.reservations.ReserveStream(metadata=metadata)
        await reserving.write(reservation_service_pb2.ReserveStreamRequest(requests=[reserve_request()]))
        await reserving.read()
        streams += [watch, reserving]
    if what == "revoked":
        await house.revoke(metadata[0][1].split("_")[1])
    else:
        await house.limit(channel, Scope.WATCH)
    wanted = {
        "revoked": ("UNAUTHENTICATED", "CREDENTIALS_INVALID"),
        "changed": ("UNAVAILABLE", "ACCESS_CHANGED"),
    }[what]
    async with asyncio.timeout(PATIENCE_S):
        for stream in streams:
            assert (await refusal(_to_its_end(stream))).what == wanted


async def _to_its_end(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass
    raise await _status_of(stream)


async def _status_of(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        await call.code(), grpc.aio.Metadata(), await call.trailing_metadata(), await call.details()
    )


async def test_two_tokens_serve_a_channel_while_it_changes_them(house: House) -> None:
    first = await house.let_in("rotating", Scope.STOCK_READ)
    key_id = first[0][1].split("_")[1]
    request = pb2.RotateTokenRequest(request_id=new_id(), key_id=key_id, overlap=Duration(seconds=2))
    second = await house.ask(house.access.RotateToken, request)
    assert await house.knock(WHO_AM_I, first) is None
    assert await house.knock(WHO_AM_I, bearer(second.token)) is None
    refused = await refusal(house.token("rotating"))
    assert refused.what == ("FAILED_PRECONDITION", "CREDENTIAL_LIMIT")
    again = pb2.RotateTokenRequest(request_id=new_id(), key_id=second.credential.key_id)
    assert (await refusal(house.ask(house.access.RotateToken, again))).reason == "CREDENTIAL_LIMIT"  # not a third one

    async def is_out() -> bool:
        return await house.knock(WHO_AM_I, first) is not None

    await eventually(is_out, "the first token has run out")
    assert await house.knock(WHO_AM_I, bearer(second.token)) is None
    assert (await house.token("rotating")).token
    replay = await house.ask(house.access.RotateToken, request)
    assert replay.token == ""
    assert replay.credential.key_id == second.credential.key_id


async def test_a_token_is_shown_once_and_is_in_no_table(house: House, module_dsn: str) -> None:
    await house.limit("shown-once", Scope.STOCK_READ)
    request_id = new_id()
    made = await house.token("shown-once", request_id=request_id)
    again = await house.token("shown-once", request_id=request_id)
    assert again.token == ""
    assert again.credential == made.credential
    connection = await asyncpg.connect(module_dsn, server_settings={"search_path": "inventory"})
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'inventory'")
        secret = made.token.rpartition("_")[2]
        for (table,) in tables:
            found = await connection.fetchval(
                f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE $1', f"%{secret}%"
            )
            assert found == 0, table
    finally:
        await connection.close()


async def test_when_a_token_was_last_used_is_known(house: House) -> None:
    metadata = await house.let_in("used", Scope.STOCK_READ)
    assert await house.knock(WHO_AM_I, metadata) is None

    async def is_noted() -> bool:
        request = pb2.ListCredentialsRequest(channel="used")
        found = await house.ask(house.access.ListCredentials, request)
        return bool(found.credentials[0].HasField("last_used_at"))

    await eventually(is_noted, "its use is noted")


async def test_who_calls_too_often_is_told_when_to_come_back(house: House) -> None:
    metadata = await house.let_in("hurried", Scope.STOCK_READ, requests_per_second=5, requests_burst=3)
    found = [await house.knock(WHO_AM_I, metadata) for _ in range(10)]
    refused = [one for one in found if one is not None]
    assert len(refused) >= 4
    assert {one.what for one in refused} == {("RESOURCE_EXHAUSTED", "RATE_LIMITED")}
    assert all(one.retry for one in refused)
    assert await house.knock(WHO_AM_I, bearer(house.admin)) is None  # nobody else pays for it


async def test_a_channel_has_so_many_calls_under_way_and_no_more(house: House, module_dsn: str) -> None:
    metadata = await house.let_in("crowd", Scope.STOCK_READ, calls_max=2)
    request = stock_service_pb2.GetStockRequest(sku="A", location="B")
    connection = await asyncpg.connect(module_dsn, server_settings={"search_path": "inventory"})
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE sku IN ACCESS EXCLUSIVE MODE")
            calls = [
                asyncio.ensure_future(refusal(house.client.stock.GetStock(request, metadata=metadata)))
                for _ in range(6)
            ]
            at_once = asyncio.as_completed(calls)
            async with asyncio.timeout(PATIENCE_S):
                turned_away = [(await next(at_once)).what for _ in range(4)]
    finally:
        await connection.close()
    assert turned_away == [("RESOURCE_EXHAUSTED", "CALL_LIMIT")] * 4
    assert sorted([(await call).reason for call in calls])[4:] == ["SKU_NOT_FOUND"] * 2


async def test_streams_are_counted_by_the_channel_s_own_limit(house: House) -> None:
    metadata = await house.let_in("single", Scope.WATCH, streams_max=1)
    first = house.client.watch.Watch(WATCH_NOW, metadata=metadata)
    assert await first.read() is not grpc.aio.EOF
    second = house.client.watch.Watch(WATCH_NOW, metadata=metadata)
    refused = await refusal(second.read())
    assert refused.what == ("RESOURCE_EXHAUSTED", "STREAM_LIMIT")
    first.cancel()


async def _comes_in(house: House, client: Client, metadata: Metadata) -> None:
    async def is_in() -> bool:
        return await house.knock(WHO_AM_I, metadata, at=client) is None

    await eventually(is_in, "it can come in")


async def refusal_at(house: House, client: Client, metadata: Metadata) -> Refused:
    found = await house.knock(WHO_AM_I, metadata, at=client)
    assert found is not None
    return found


def test_the_table_has_every_method() -> None:
    assert len(METHODS) >= 60
    assert len({method.path for method in METHODS}) == len(METHODS)


async def test_alarms_are_of_the_whole_house_and_not_told_to_who_is_limited_to_a_part(house: House) -> None:
    metadata = await house.let_in("part", Scope.REPORT, Scope.WATCH, categories=["FOOD"])
    for name in ("ListAlarms", "ListDeliveries", "AcknowledgeAlarm"):
        found = await house.knock(Method(f"/inventory.v1.AlarmService/{name}", Scope.REPORT), metadata)
        assert found is not None
        assert (found.what, found.metadata) == (("PERMISSION_DENIED", "SCOPE_REQUIRED"), {"scope": "admin"})
    request = watch_service_pb2.WatchRequest(now=Empty(), kinds=[watch_service_pb2.CHANGE_KIND_ALARM])
    assert (await refusal(house.client.watch.Watch(request, metadata=metadata).read())).reason == "SCOPE_REQUIRED"
    whole = await house.let_in("whole", Scope.REPORT)
    assert await house.knock(Method("/inventory.v1.AlarmService/ListAlarms", Scope.REPORT), whole) is None
