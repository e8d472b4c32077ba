"""Let channels in, and say what each may do.

A channel shows a token, or a client certificate that is bound to it. What it may do are its scopes: stock:read,
stock:write, reservation, catalog:write, watch, report, admin. All of this takes a token with the scope admin
(INVENTORY_TOKEN); the first one was printed when the server started for the first time, and `inventory token admin`
makes another for whoever has the database. A change is in force at every server within 5 seconds.

Example: inventory token create web --scope stock:read --scope reservation --scope watch

Example: inventory token rotate 4k2v9qpr0m3x --overlap-hours 24
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Parameter

from inventory.cli.database import database
from inventory.cli.failure import Failed
from inventory.cli.options import SERVER_DEFAULT, DataDir, DbSchema, Dsn, Json, OwnerDsn, Server
from inventory.cli.token_shown import place_for, show, show_access, show_new
from inventory.domain.access import scope_of
from inventory.domain.refusal import Refusal
from inventory.v1 import access_pb2
from inventory.v1 import access_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

app = App(name="token", help=(__doc__ or ""))

Codes = Annotated[list[str] | None, Parameter(negative="", show_default=False)]
Limit = Annotated[int | None, Parameter(show_default=False)]
Hours = Annotated[float | None, Parameter(show_default=False)]
Out = Annotated[
    Path | None,
    Parameter(
        show_default=False,
        help="The file to write the token into instead, for its owner's eyes; replaced only once there is a token.",
    ),
]
KeyId = Annotated[str, Parameter(help="The credential's key id, as `inventory token list` shows it.")]
Result = TypeVar("Result")


@app.command
def create(
    channel: str,
    /,
    *,
    scope: Codes = None,
    location: Codes = None,
    category: Codes = None,
    name: str = "",
    ttl_hours: Hours = None,
    out: Out = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Make a token for a channel, and print it: it is shown this once. With --scope, say what the channel may do.

    A web shop or a till needs stock:read, reservation and watch, a marketplace adapter stock:read and watch.

    Example: inventory token create web --scope stock:read --scope reservation --scope watch

    Example: inventory token create till-7 --scope stock:read --scope reservation --scope watch --location shop-1

    Example: inventory token create market --scope stock:read --scope watch --out market.token

    Parameters
    ----------
    channel
        The channel's code: 1 to 32 of a-z, 0-9, - and _.
    scope
        What it may do: stock:read, stock:write, reservation, catalog:write, watch, report, admin. Replaces what it
        might before. Default: as it is; a new channel needs at least one.
    location
        With --scope: a location that it is limited to. Say it several times. Default: none, it sees all.
    category
        With --scope: a category of SKUs that it is limited to, with those below it. Default: none, it sees all.
    name
        Of the token, for people.
    ttl_hours
        How long it lasts. Default: until it is revoked.
    """
    scopes = _scopes(scope)
    if not scopes and (location or category):
        raise Failed("--location and --category come with --scope: they say together what the channel may do")

    async def make(client: "InventoryClient") -> pb2.CreateTokenResponse:
        if scopes:
            access = pb2.Access(scopes=scopes, locations=location, categories=category)
            await client.set_access(channel, access)
        return await client.create_token(channel, name=name, ttl=_hours(ttl_hours))

    with place_for(out) as write:
        made = _run(server, make)
        show_new(made.token, made.credential, json=json, write=write, file=out)
    return 0


@app.command
def rotate(
    key_id: KeyId,
    /,
    *,
    overlap_hours: Hours = None,
    ttl_hours: Hours = None,
    out: Out = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Make a token in another one's place, which goes on for a while, and print the new one: it is shown this once.

    Example: inventory token rotate 4k2v9qpr0m3x --overlap-hours 24

    Parameters
    ----------
    overlap_hours
        How long the old one still goes on. Default: an hour.
    ttl_hours
        How long the new one lasts. Default: until it is revoked.
    """

    async def make(client: "InventoryClient") -> pb2.RotateTokenResponse:
        return await client.rotate_token(key_id, overlap=_hours(overlap_hours), ttl=_hours(ttl_hours))

    with place_for(out) as write:
        made = _run(server, make)
        show_new(made.token, made.credential, json=json, write=write, file=out)
    return 0


@app.command
def bind(
    channel: str,
    certificate: Path,
    /,
    *,
    scope: Codes = None,
    name: str = "",
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Let whoever shows this client certificate in as the channel, until the certificate ends.

    Example: inventory token bind web tls/web.pem

    Parameters
    ----------
    channel
        The channel's code.
    certificate
        A PEM file. `inventory certificate issue` makes one.
    scope
        What the channel may do, as of `create`.
    name
        For people. Default: the certificate's subject.
    """
    scopes = _scopes(scope)
    try:
        pem = certificate.read_text("ascii")
    except (OSError, ValueError) as error:
        raise Failed(f"{certificate} can't be read: {error}") from None

    async def make(client: "InventoryClient") -> pb2.Credential:
        if scopes:
            await client.set_access(channel, pb2.Access(scopes=scopes))
        return await client.bind_certificate(channel, pem, name=name)

    show([_run(server, make)], json=json)
    return 0


@app.command
def revoke(
    key_id: KeyId,
    /,
    *,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Take a token or a certificate out of force: within 5 seconds it opens nothing, and its streams have ended.

    The last one with the scope admin stays until there is another.

    Example: inventory token revoke 4k2v9qpr0m3x
    """

    async def take(client: "InventoryClient") -> pb2.Credential:
        return await client.revoke_credential(key_id)

    show([_run(server, take)], json=json)
    return 0


@app.command(name="list")
def list_(*, channel: str = "", server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """List tokens and certificates by channel and age, and when each was last used.

    Example: inventory token list --channel web

    Parameters
    ----------
    channel
        Only this channel's. Default: all.
    """

    async def read(client: "InventoryClient") -> list[pb2.Credential]:
        return [credential async for credential in client.list_credentials(channel=channel)]

    show(_run(server, read), json=json)
    return 0


@app.command
def access(
    channel: str = "",
    /,
    *,
    scope: Codes = None,
    location: Codes = None,
    category: Codes = None,
    requests_per_second: Limit = None,
    requests_burst: Limit = None,
    calls_max: Limit = None,
    streams_max: Limit = None,
    held_per_sku_max: Limit = None,
    certificate_required: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show what channels may do; with --scope, say what one may do from now on, all of it anew.

    Example: inventory token access

    Example: inventory token access web --scope reservation --requests-per-second 50 --held-per-sku-max 20

    Parameters
    ----------
    channel
        The channel's code. Default: all.
    scope
        What it may do. Say it several times.
    location
        A location that it is limited to. Say it several times. Default: none, it sees all.
    category
        A category of SKUs that it is limited to, with those below it. Default: none, it sees all.
    requests_per_second
        Requests a second at each server, those within a batch or a stream too. Default: no limit.
    requests_burst
        How many requests may come at once after a pause. Default: as many as --requests-per-second.
    calls_max
        Calls under way at once at each server. Default: 2,000.
    streams_max
        Streams open at once at each server. Default: 100.
    held_per_sku_max
        How much of one SKU it may hold at once, in the SKU's smallest unit. Default: no limit.
    certificate_required
        Its tokens open nothing unless a certificate that is bound to it comes with them.
    """
    scopes = _scopes(scope)

    async def work(client: "InventoryClient") -> list[pb2.ChannelAccess]:
        if scopes:
            wanted = pb2.Access(
                scopes=scopes,
                locations=location,
                categories=category,
                requests_per_second=requests_per_second,
                requests_burst=requests_burst,
                calls_max=calls_max,
                streams_max=streams_max,
                held_per_sku_max=held_per_sku_max,
                certificate_required=certificate_required,
            )
            return [await client.set_access(channel, wanted)]
        return [found async for found in client.list_access(channel=channel)]

    if scopes and not channel:
        raise Failed("say which channel: inventory token access CHANNEL --scope …")
    found = _run(server, work)
    show_access(found, json=json)
    return 0


@app.command
def admin(*, dsn: Dsn = None, owner_dsn: OwnerDsn = None, data_dir: DataDir = None, db_schema: DbSchema = None) -> int:
    """Make a token that may do everything, straight in the database: when the others are lost.

    It belongs to the channel admin. When that has two tokens in force, the older one is revoked.

    Example: inventory token admin --data-dir ./data
    """
    from inventory.postgres.access import changing, new_admin

    async def make() -> str:
        async with changing(found) as change:
            return await new_admin(change, "made in the database")

    with database(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema) as found:
        try:
            print(asyncio.run(make()))
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {refusal.message}") from None
    return 0


def _scopes(texts: list[str] | None) -> list[str]:
    """Raises `Failed`."""
    try:
        return [access_pb2.Scope.Name(scope_of(text)) for text in texts or ()]
    except Refusal as refusal:
        raise Failed(f"--scope: {refusal.message}") from None


def _hours(hours: float | None) -> timedelta | None:
    try:
        return None if hours is None else timedelta(hours=hours)
    except (OverflowError, ValueError):
        raise Failed(f"not a number of hours: {hours}") from None


def _run(server: Server, work: Callable[["InventoryClient"], Coroutine[Any, Any, Result]]) -> Result:
    from inventory.cli.connection import connect, run

    async def connected() -> Result:
        async with connect(server) as client:
            return await work(client)

    return run(connected())
