"""Show and set what each channel sells from, and how much of the stock it sees.

A channel is who sells: a web shop, tills, telephone sales, a marketplace. One without settings sells everything from
everywhere. What a channel may sell of a SKU is what is available at its locations, less its buffer, times its share,
and the back-orders that it, or the SKU, allows; at most its cap in all. A change is in force for the next call, at
every server.

Example: inventory channel set amazon --kind marketplace --location dc-1 --location dc-2 --buffer 2 --share-bp 5000

Example: inventory channel skus amazon A-1 --buffer 0 --cap 10
"""

import json as encoder
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Parameter

from inventory.cli.channel_rows import (
    KIND_NAMES,
    KINDS,
    VIEW_COLUMNS,
    channel_json,
    channel_sku_json,
    silent_after_cell,
    view,
    view_cells,
)
from inventory.cli.channel_rows import kind as kind_of
from inventory.cli.channel_rows import silent_after as silent_after_of
from inventory.cli.failure import Failed
from inventory.cli.fitted import Column, FittedTable, code, number, whole
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.domain.refusal import Refusal
from inventory.v1 import channel_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

NONE = "none"
"""What takes a setting away."""

app = App(
    name="channel",
    help=__doc__,
)

Value = Annotated[str | None, Parameter(show_default=False)]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Codes = Annotated[list[str] | None, Parameter(negative="", show_default=False)]
Result = TypeVar("Result")


@app.command(name="list")
def list_(*, server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """List all channels, those without settings too.

    Example: inventory channel list
    """

    async def read(client: "InventoryClient") -> list[pb2.Channel]:
        return [channel async for channel in client.list_channels()]

    found = _run(server, read)
    if json:
        print(encoder.dumps([channel_json(channel) for channel in found], ensure_ascii=False, indent=2))
    else:
        out().print(_table(found))
    return 0


@app.command
def show(channel: str, /, *, server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """Show a channel's settings.

    Example: inventory channel show amazon --json

    Parameters
    ----------
    channel
        The channel's code.
    """

    async def read(client: "InventoryClient") -> pb2.Channel:
        return await client.get_channel(channel)

    _print(_run(server, read), json)
    return 0


@app.command(name="set")
def set_(
    channel: str,
    /,
    *,
    name: Value = None,
    kind: Value = None,
    location: Codes = None,
    everywhere: Flag = False,
    buffer: Value = None,
    cap: Value = None,
    share_bp: Value = None,
    oversell: Value = None,
    min_life_days: Annotated[int | None, Parameter(show_default=False)] = None,
    silent_after: Value = None,
    stop_selling_when_silent: Annotated[bool | None, Parameter(show_default=False)] = None,
    dry_run: Flag = False,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Set what is named here, and keep the rest; make the channel when it is new.

    Example: inventory channel set web --location dc-1 --location shop-7 --buffer 3

    Example: inventory channel set web --everywhere --buffer none

    Parameters
    ----------
    channel
        The channel's code: 1 to 32 of a-z, 0-9, - and _.
    name
        For people.
    kind
        web, pos, telephone or marketplace.
    location
        A location it sells from. Say it several times, in the channel's order: these replace the list.
    everywhere
        Sell from all locations, by their priority.
    buffer
        So much is never shown, in the SKU's smallest unit; none: not set.
    cap
        At most so much is shown; 0 sells nothing; none: not set.
    share_bp
        Only this part of what is left, in basis points: 2500 is a quarter; none: not set.
    oversell
        Beyond the shelf: deny, allow, or a whole number over all places; none: what the SKU says.
    min_life_days
        How many days a lot must still last when it is promised.
    silent_after
        An alarm is opened when it was not heard of for so many seconds, 5 to 2678400; none: never.
    stop_selling_when_silent
        While it is silent, it may sell nothing.
    dry_run
        Ask the server what would be, and change nothing.
    """
    if everywhere and location:
        raise Failed("say --location or --everywhere, not both")
    wished_kind = None if kind is None else _kind(kind)

    async def change(client: "InventoryClient") -> pb2.Channel:
        from inventory_client import NotFound

        try:
            wished = await client.get_channel(channel)
        except NotFound:
            wished = pb2.Channel(channel=channel)
        if name is not None:
            wished.name = name
        if wished_kind is not None:
            wished.kind = wished_kind
        if everywhere or location:
            del wished.locations[:]
            wished.locations.extend(location or ())
        if min_life_days is not None:
            wished.min_life_days = min_life_days
        _silence(wished, silent_after, stop_selling_when_silent)
        wished.view.CopyFrom(_changed(wished.view, (buffer, cap, share_bp, oversell)))
        return (await client.set_channel(wished, validate_only=dry_run)).channel

    _print(_run(server, change), json)
    return 0


@app.command
def skus(
    channel: str,
    sku: Annotated[list[str] | None, Parameter(negative="", show_default=False)] = None,
    /,
    *,
    buffer: Value = None,
    cap: Value = None,
    share_bp: Value = None,
    oversell: Value = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """List the SKUs that have a view of their own in a channel; or set the view of the SKUs that are named.

    What isn't named here is kept; what isn't set is the channel's. A SKU with nothing set has no view of its own.

    Example: inventory channel skus amazon

    Example: inventory channel skus amazon A-1 A-2 --cap 5 --buffer none

    Parameters
    ----------
    channel
        The channel's code.
    sku
        Only these SKUs.
    buffer
        So much of the SKU is never shown; none: as the channel has it.
    cap
        At most so much is shown; 0 sells nothing of it; none: as the channel has it.
    share_bp
        Only this part of what is left, in basis points; none: as the channel has it.
    oversell
        Beyond the shelf: deny, allow, or a whole number over all places; none: as the channel has it.
    """
    texts = (buffer, cap, share_bp, oversell)
    changes = any(text is not None for text in texts)
    named = list(dict.fromkeys(sku or ()))
    if changes and not named:
        raise Failed("say which SKUs, or use `inventory channel set` for the channel as a whole")

    async def read(client: "InventoryClient") -> list[pb2.ChannelSku]:
        found = {row.sku: row async for row in client.list_channel_skus(channel)}
        if changes:
            present = {code: found[code].view if code in found else pb2.ChannelView() for code in named}
            rows = [pb2.ChannelSku(sku=code, view=_changed(had, texts)) for code, had in present.items()]
            await client.set_channel_skus(channel, rows)
            found = {row.sku: row async for row in client.list_channel_skus(channel)}
        return [row for code, row in found.items() if not named or code in named]

    rows = _run(server, read)
    if json:
        print(encoder.dumps([channel_sku_json(row) for row in rows], ensure_ascii=False, indent=2))
    else:
        out().print(_sku_table(channel, rows))
    return 0


def _silence(wished: pb2.Channel, silent_after: str | None, stops: bool | None) -> None:
    """Puts what was said into it; without a limit it never stops. Raises `Failed`."""
    if silent_after == NONE:
        wished.ClearField("silent_after")
        wished.stop_selling_when_silent = False
    elif silent_after is not None:
        try:
            wished.silent_after.FromTimedelta(silent_after_of(silent_after))
        except Refusal as refusal:
            raise Failed(f"--silent-after: {refusal.message}, or none") from None
    if stops is not None:
        wished.stop_selling_when_silent = stops


def _run(server: Server, work: "Callable[[InventoryClient], Coroutine[Any, Any, Result]]") -> Result:
    from inventory.cli.connection import connect, run

    async def connected() -> Result:
        async with connect(server) as client:
            return await work(client)

    return run(connected())


def _kind(text: str) -> pb2.ChannelKind:
    if not text or text not in KINDS:
        raise Failed(f"--kind is one of {', '.join(name for name in KINDS if name)}")
    return kind_of(text)


def _changed(present: pb2.ChannelView, texts: Sequence[str | None]) -> pb2.ChannelView:
    """What was said, in the order of VIEW_COLUMNS, put over a view. Raises `Failed`."""
    cells = [
        had if text is None else "" if text == NONE else text or "?"
        for had, text in zip(view_cells(present), texts, strict=True)
    ]
    try:
        return view(cells)
    except Refusal as refusal:
        raise Failed(f"--{refusal.field.replace('_', '-')}: {refusal.message}, or none") from None


def _print(channel: pb2.Channel, json: bool) -> None:
    if json:
        print(encoder.dumps(channel_json(channel), ensure_ascii=False, indent=2))
    else:
        out().print(_table([channel]))


def _table(channels: Sequence[pb2.Channel]) -> FittedTable:
    table = FittedTable(
        [
            code("channel"), code("name", 2), whole("kind"), code("sells from"), *_view_columns(),
            number("min life days", 1), number("silent after s", 3), whole("when silent", 3),
        ]
    )  # fmt: skip
    for channel in channels:
        table.add(
            channel.channel,
            channel.name,
            KIND_NAMES.get(channel.kind, str(channel.kind)),
            ", ".join(channel.locations) or "everywhere",
            *_cells(channel.view),
            f"{channel.min_life_days:,}",
            silent_after_cell(channel) or "–",
            _when_silent(channel),
        )
    return table


def _when_silent(channel: pb2.Channel) -> str:
    if channel.selling_stopped:
        return "sells nothing now"
    return "sells nothing" if channel.stop_selling_when_silent else "–"


def _sku_table(channel: str, rows: Sequence[pb2.ChannelSku]) -> FittedTable:
    title = f"SKUs with a view of their own in {channel}; –: as the channel has it"
    table = FittedTable([code("SKU"), *_view_columns()], title=title)
    for row in rows:
        table.add(row.sku, *_cells(row.view))
    return table


def _view_columns() -> list[Column]:
    return [number(column.replace("_", " ")) for column in VIEW_COLUMNS]


def _cells(found: pb2.ChannelView) -> list[str]:
    return [cell or "–" for cell in view_cells(found)]
