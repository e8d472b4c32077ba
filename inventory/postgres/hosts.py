"""A DSN with several machines, of which the one that accepts writes is wanted.

The driver asks one after the other within one time limit: a machine that is off, and whose address answers nothing,
would keep it from all that come after. They are asked at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from asyncpg.exceptions import TargetServerAttributeNotMatched

PRIMARY = ("read-write", "primary")


async def connect(dsn: str, **options: Any) -> asyncpg.Connection:
    """As `asyncpg.connect`, whose options it takes, and whose errors it raises."""
    alone = each_host(dsn)
    if len(alone) == 1:
        only: asyncpg.Connection = await asyncpg.connect(dsn, **options)
        return only
    asking: list[asyncio.Task[asyncpg.Connection]]
    asking = [asyncio.create_task(asyncpg.connect(each, **options)) for each in alone]
    chosen = None
    try:
        waiting = set(asking)
        while waiting and chosen is None:
            answered, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            chosen = next((task for task in answered if task.exception() is None), None)
        if chosen is None:
            raise _most_telling([error for task in asking if (error := task.exception()) is not None])
        return chosen.result()
    finally:
        for task in asking:
            if task is not chosen:
                task.cancel()
                task.add_done_callback(_give_back)


def _most_telling(errors: Sequence[BaseException]) -> BaseException:
    """That one is a standby is no news."""
    return next((each for each in errors if not isinstance(each, TargetServerAttributeNotMatched)), errors[0])


def _give_back(asked: "asyncio.Task[asyncpg.Connection]") -> None:
    if not asked.cancelled() and asked.exception() is None:
        asked.result().terminate()


def each_host(dsn: str) -> list[str]:
    """The DSN with each of its machines alone; as it is when any of them would do, or there is one."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if query.get("target_session_attrs") not in PRIMARY:
        return [dsn]
    who, at, places = parts.netloc.rpartition("@")
    if places:
        return [urlunsplit(parts._replace(netloc=f"{who}{at}{place}")) for place in places.split(",")]
    hosts, ports = query.get("host", "").split(","), query.get("port", "").split(",")
    if len(ports) not in (1, len(hosts)):
        return [dsn]  # the driver says what is wrong
    found = []
    for number, host in enumerate(hosts):
        alone = {**query, "host": host, "port": ports[number % len(ports)]}
        wanted = urlencode({name: value for name, value in alone.items() if value})
        found.append(f"{parts.scheme}://{who}{at}{parts.path}?{wanted}")  # urlunsplit drops an empty host
    return found
