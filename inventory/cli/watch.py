"""`inventory watch`."""

import json as encoder
import select
import sys
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators
from rich.live import Live

from inventory.cli.board import Board
from inventory.cli.channel_rows import channel_json, channel_line
from inventory.cli.failure import Failed, printable
from inventory.cli.movements import as_line, movement_json
from inventory.cli.movements import time as time_of
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import watch_service_pb2 as pb2

INT64_MAX = 2**63 - 1
HEARTBEAT = timedelta(seconds=2)
KINDS = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_CHANNEL)
REFRESHES_PER_S = 4
STDOUT = 1
RESTORED = "the database was restored from a back-up (EPOCH_CHANGED): going on with what happens from now on"


def watch(
    *,
    kind: Literal["stock", "availability"] = "stock",
    sku: Annotated[list[str] | None, Parameter(negative="")] = None,
    location: Annotated[list[str] | None, Parameter(negative="")] = None,
    after: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=INT64_MAX))] = None,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Follow every change of stock, and of channels' settings, as it happens: a live table in a terminal, a line each
    anywhere else.

    When the connection breaks it goes on where it was: nothing is missed or shown twice. After a restore, which has
    no such place, it says so and goes on with what happens from then on. Ctrl-C ends it.

    Example: inventory watch --location shop-07

    Example: inventory watch --after 0 --json | head

    Example: inventory watch --kind availability --channel web-shop

    Parameters
    ----------
    kind
        stock: what changes on the shelves. availability: what the channel may sell of each SKU, over all its places, by
        its settings; a line each.
    sku
        Only stock of this SKU. May be said several times.
    location
        Only stock at this location. May be said several times.
    after
        Begin after this revision (0: with the first one). Default: with what happens from now on.
    """
    from inventory.cli.connection import run

    console = out()
    follow = partial(_follow, server, channel, after, sku or (), location or ())
    try:
        if kind == "availability":
            if location:
                raise Failed("what a channel may sell is of all its locations: leave --location out")
            run(follow(_print_sellable_json if json else _print_sellable, Teller(), shows=True))
        elif json:
            run(follow(_print_json, Teller()))
        elif not console.is_terminal:
            run(follow(_print_lines, Teller()))
        else:
            board = Board(console.height)
            with Live(board, console=console, refresh_per_second=REFRESHES_PER_S, screen=False) as live:
                run(follow(board.add, board))
                live.refresh()
    except KeyboardInterrupt:
        pass
    return 0


async def _follow(
    server: Server,
    channel: str,
    after: int | None,
    skus: Sequence[str],
    locations: Sequence[str],
    show: Callable[[Sequence[pb2.Change], int], None],
    teller: "Teller | Board",
    *,
    shows: bool = False,
) -> None:
    """Shows what comes, for ever: changes, and the revision they reach to. `shows`: what the channel may sell."""
    from inventory.cli.connection import connect
    from inventory_client import Connection, ConnectionState, Cursor, InventoryClient

    say = teller.say

    def tell(connection: Connection) -> None:
        if connection.state is ConnectionState.LIVE:
            say("live")
        elif connection.state is ConnectionState.LOST:
            failure = connection.failure
            if failure is not None and failure.reason == "EPOCH_CHANGED":
                raise _Restored
            if failure is not None and (why := _cursor_lost(failure.reason, failure.metadata)):
                raise why  # at once: a snapshot, which the client would begin with, is not what was asked for
            refused = failure is not None and failure.code == "UNAUTHENTICATED"
            say("the token was refused: trying the next one" if refused else "the server is gone: trying again")

    async def watched(client: InventoryClient, start: Literal["now"] | Cursor) -> None:
        async with client.watch(
            start,
            skus=skus,
            locations=locations,
            kinds=_kinds(shows, filtered=bool(skus or locations)),
            heartbeat=HEARTBEAT,
            on_connection=tell,
        ) as watch:
            await _shown(watch, show)

    async with connect(server, channel) as client:
        for location in locations:  # else an unknown one would look like a quiet one
            await client.get_location(location)
        start: Literal["now"] | Cursor = "now" if after is None else Cursor("", after)
        while True:
            try:
                await watched(client, start)
            except _Restored:  # what --after named was of the former epoch
                start = "now"
                teller.restored(RESTORED)


async def _shown(watch: AsyncIterable[object], show: Callable[[Sequence[pb2.Change], int], None]) -> None:
    from inventory_client import Bookmark, Changes

    async for event in watch:
        match event:
            case Changes(changes=changes, cursor=cursor):
                show(changes, cursor.revision)
            case Bookmark(cursor=cursor):
                show((), cursor.revision)
            case _:
                pass


class _Restored(Exception):
    """The feed can't be resumed, for the database is another one's back-up by now."""


def _kinds(shows: bool, *, filtered: bool) -> Sequence[pb2.ChangeKind]:
    if shows:
        return (pb2.CHANGE_KIND_AVAILABILITY,)
    return (pb2.CHANGE_KIND_STOCK,) if filtered else KINDS


def _cursor_lost(reason: str, metadata: Mapping[str, str]) -> Failed | None:
    """Why the feed can't be resumed there; None: it isn't that."""
    match reason:
        case "COMPACTED":
            return Failed(
                f"COMPACTED: what came after revision {metadata.get('revision')} is no longer told change by change. "
                f"The oldest possible --after is {metadata.get('oldest')}; without --after it begins with now"
            )
        case "REVISION_IN_FUTURE":
            return Failed(
                f"REVISION_IN_FUTURE: revision {metadata.get('revision')} has not happened yet. The newest possible "
                f"--after is {metadata.get('head')}"
            )
        case _:
            return None


def _print_lines(changes: Sequence[pb2.Change], revision: int) -> None:
    for change in changes:
        for movement in change.movements:
            print(as_line(movement))
        for channel in change.channels:
            print(f"{change.revision} {time_of(change)} channel {channel.channel}: {channel_line(channel)}")
    _flush()


def _print_json(changes: Sequence[pb2.Change], revision: int) -> None:
    for change in changes:
        documents = [movement_json(movement) for movement in change.movements]
        documents += [_channel_json(change, channel) for channel in change.channels]
        for document in documents:
            print(encoder.dumps(document, ensure_ascii=False))
    _flush()


def _print_sellable(changes: Sequence[pb2.Change], revision: int) -> None:
    for change in changes:
        for row in change.availability:
            promised = f" ({row.backorder:,} of it back-ordered)" if row.backorder else ""
            print(
                f"{change.revision} {time_of(change)} {printable(row.sku)}: {row.available_to_sell:,} to sell{promised}"
            )
    _flush()


def _print_sellable_json(changes: Sequence[pb2.Change], revision: int) -> None:
    for change in changes:
        for row in change.availability:
            document = {
                "revision": change.revision,
                "kind": "AVAILABILITY",
                "sku": row.sku,
                "available_to_sell": row.available_to_sell,
                "backorder": row.backorder,
                "recorded_at": change.recorded_at.ToJsonString(),
            }
            print(encoder.dumps(document, ensure_ascii=False))
    _flush()


def _channel_json(change: pb2.Change, channel: channel_pb2.Channel) -> dict[str, Any]:
    return {
        "revision": change.revision,
        "kind": "CHANNEL",
        "settings": channel_json(channel),
        "recorded_at": change.recorded_at.ToJsonString(),
    }


def _flush() -> None:
    """Raises `BrokenPipeError` when nobody reads any more, also when there is nothing to be said, as at a heartbeat."""
    print(end="", flush=True)
    output = select.poll()
    output.register(STDOUT, 0)  # to write nothing would be no error
    if any(found & select.POLLERR for _, found in output.poll(0)):
        raise BrokenPipeError


class Teller:
    """Says on stderr how the stream does, when that changes; that it began well goes without saying."""

    def __init__(self) -> None:
        self._state = "live"

    def say(self, state: str) -> None:
        if state != self._state:
            self._state = state
            print(state, file=sys.stderr, flush=True)

    def restored(self, notice: str) -> None:
        self.say(notice)
