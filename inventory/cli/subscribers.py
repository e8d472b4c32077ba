"""`inventory subscribers`."""

import json as encoder
from typing import Any

from rich.markup import escape
from rich.table import Table

from inventory.cli.failure import printable
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import subscriber_service_pb2 as pb2

STATES = {
    pb2.SUBSCRIBER_STATE_FOLLOWING: "[green]following[/]",
    pb2.SUBSCRIBER_STATE_LAGGING: "[yellow]lagging[/]",
    pb2.SUBSCRIBER_STATE_LOST: "[red]lost[/]",
}


def subscribers(*, channel: str = "", server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """List who follows the feed by name: how far each has come, its lag in changes and seconds, and its limits.

    Example: inventory subscribers

    Example: inventory subscribers --channel web --json

    Parameters
    ----------
    channel
        Only this channel's. Default: all.
    """
    from inventory.cli.connection import run

    found = run(_read(server, channel))
    if json:
        print(encoder.dumps(_document(found), ensure_ascii=False, indent=2))
        return 0
    head = found.head.revision
    if not found.subscribers:
        print(f"nobody is registered; the feed's head is {head:,}, resumable from {found.oldest:,} on")
        return 0
    table = Table(title=f"The feed's head is {head:,}, resumable from {found.oldest:,} on", title_justify="left")
    for column in ("channel", "subscriber", "state"):
        table.add_column(column, no_wrap=True)
    for column in ("acknowledged", "changes behind", "s behind", "silent s", "deadline s", "limits"):
        table.add_column(column, justify="right")
    for one in found.subscribers:
        limits = [f"{one.lag_changes_max:,} changes"] if one.HasField("lag_changes_max") else []
        limits += [f"{_seconds(one.lag_max):,.0f} s"] if one.HasField("lag_max") else []
        table.add_row(
            one.channel,
            escape(printable(one.name)),
            STATES.get(one.state, str(one.state)),
            f"{one.acknowledged.revision:,}",
            f"{one.lag_changes:,}",
            f"{_seconds(one.lag):,.1f}",
            f"{_seconds(one.silent):,.1f}",
            f"{_seconds(one.deadline):,.0f}",
            ", ".join(limits) or "–",
        )
    out().print(table)
    return 0


async def _read(server: Server, channel: str) -> pb2.ListSubscribersResponse:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        return await client.list_subscribers(channel=channel)


def _document(found: pb2.ListSubscribersResponse) -> dict[str, Any]:
    return {
        "head": found.head.revision,
        "oldest": found.oldest,
        "epoch": found.head.epoch,
        "subscribers": [
            {
                "channel": one.channel,
                "name": one.name,
                "state": pb2.SubscriberState.Name(one.state).removeprefix("SUBSCRIBER_STATE_"),
                "acknowledged": one.acknowledged.revision,
                "lag_changes": one.lag_changes,
                "lag_s": _seconds(one.lag),
                "silent_s": _seconds(one.silent),
                "deadline_s": _seconds(one.deadline),
                "lag_changes_max": one.lag_changes_max if one.HasField("lag_changes_max") else None,
                "lag_max_s": _seconds(one.lag_max) if one.HasField("lag_max") else None,
            }
            for one in found.subscribers
        ],
    }


def _seconds(duration: Any) -> float:
    return float(duration.ToTimedelta().total_seconds())
