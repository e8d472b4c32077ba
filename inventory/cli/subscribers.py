"""List who follows the feed by name: how far each has come, its lag in changes and seconds, and its limits.

Whoever follows by a name is registered under it first, here or by the client itself: the feed is kept for it while it
is heard of within its deadline.

Example: inventory subscribers --channel web --json

Example: inventory subscribers register erp --channel web --lag-seconds 60
"""

import json as encoder
from datetime import timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter

from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, number, whole, words
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import subscriber_service_pb2 as pb2

STATES = {
    pb2.SUBSCRIBER_STATE_FOLLOWING: "[green]following[/]",
    pb2.SUBSCRIBER_STATE_LAGGING: "[yellow]lagging[/]",
    pb2.SUBSCRIBER_STATE_LOST: "[red]lost[/]",
}
Limit = Annotated[int | None, Parameter(show_default=False)]
Length = Annotated[float | None, Parameter(show_default=False)]

app = App(name="subscribers", help=__doc__)


@app.default
def list_(
    *,
    channel: Annotated[str, Parameter(show_default=False)] = "",
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """List who follows the feed by name: how far each has come, its lag in changes and seconds, and its limits.

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
    table = FittedTable(
        [
            code("channel"), code("subscriber"), whole("state"), number("acknowledged", 1), number("changes behind"),
            number("s behind"), number("silent s", 3), number("deadline s", 4), words("limits", 2),
        ],
        title=f"The feed's head is {head:,}, resumable from {found.oldest:,} on",
    )  # fmt: skip
    for one in found.subscribers:
        table.add(
            one.channel,
            one.name,
            STATES.get(one.state, str(one.state)),
            f"{one.acknowledged.revision:,}",
            f"{one.lag_changes:,}",
            f"{_seconds(one.lag):,.1f}",
            f"{_seconds(one.silent):,.1f}",
            f"{_seconds(one.deadline):,.0f}",
            ", ".join(_limits(one)) or "–",
        )
    out().print(table)
    return 0


@app.command
def register(
    name: str,
    /,
    *,
    lag_changes: Limit = None,
    lag_seconds: Length = None,
    deadline_hours: Length = None,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Register a subscriber, which begins at the feed's head; or set all limits of one anew. Takes the scope watch.

    Example: inventory subscribers register erp --lag-changes 1000 --lag-seconds 60 --deadline-hours 168

    Parameters
    ----------
    name
        Its name within the channel: 1 to 64 bytes.
    lag_changes
        Lagging beyond so many changes, 1 to 1,000,000,000. Default: no such limit.
    lag_seconds
        Lagging beyond so much time, 1 second to 31 days. Default: no such limit.
    deadline_hours
        For how long the feed is kept for it after its last acknowledgement, up to 744. Default: 24.
    """
    from inventory.cli.connection import connect, run

    lag_max = _length(lag_seconds, "--lag-seconds", timedelta(seconds=1))
    deadline = _length(deadline_hours, "--deadline-hours", timedelta(hours=1))

    async def work() -> pb2.Subscriber:
        async with connect(server, channel) as client:
            return await client.register_subscriber(
                name, deadline=deadline, lag_changes_max=lag_changes, lag_max=lag_max
            )

    one = run(work())
    if json:
        print(encoder.dumps(_row(one), ensure_ascii=False, indent=2))
        return 0
    limits = f"lagging beyond {' or '.join(_limits(one))}" if _limits(one) else "no limit to its lag"
    begins = f"subscriber {one.name} of channel {one.channel} goes on after revision {one.acknowledged.revision:,}"
    print(printable(f"{begins}; {limits}; the feed is kept for it for {_seconds(one.deadline) / 3_600:,.4g} h"))
    return 0


@app.command
def remove(name: str, /, *, channel: ChannelCode = CHANNEL_DEFAULT, server: Server = SERVER_DEFAULT) -> int:
    """Forget a subscriber: the feed is no longer kept for it. Takes the scope watch.

    Example: inventory subscribers remove erp

    Parameters
    ----------
    name
        Its name within the channel.
    """
    from inventory.cli.connection import connect, run

    async def work() -> bool:
        async with connect(server, channel) as client:
            return await client.remove_subscriber(name)

    if not run(work()):
        raise Failed(f"the channel has no subscriber {printable(name)}: `inventory subscribers` lists them")
    print(f"removed {printable(name)}")
    return 0


def _length(number: float | None, option: str, unit: timedelta) -> timedelta | None:
    """Raises `Failed`."""
    try:
        return None if number is None else number * unit
    except (OverflowError, ValueError):
        raise Failed(f"{option}: no such length of time: {number}") from None


def _limits(one: pb2.Subscriber) -> list[str]:
    limits = [f"{one.lag_changes_max:,} changes"] if one.HasField("lag_changes_max") else []
    return limits + ([f"{_seconds(one.lag_max):,.0f} s"] if one.HasField("lag_max") else [])


async def _read(server: Server, channel: str) -> pb2.ListSubscribersResponse:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        return await client.list_subscribers(channel=channel)


def _document(found: pb2.ListSubscribersResponse) -> dict[str, Any]:
    return {
        "head": found.head.revision,
        "oldest": found.oldest,
        "epoch": found.head.epoch,
        "subscribers": [_row(one) for one in found.subscribers],
    }


def _row(one: pb2.Subscriber) -> dict[str, Any]:
    return {
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


def _seconds(duration: Any) -> float:
    return float(duration.ToTimedelta().total_seconds())
