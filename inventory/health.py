"""What health checks are told: a server without its database serves nobody, so traffic goes to others meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from inventory.postgres.connection import Database
from inventory.postgres.probe import Probe

LOOK_S = 1.0

log = structlog.get_logger(__name__)


async def watch_database(database: Database, tell: Callable[[bool], Awaitable[None]]) -> None:
    """Asks the database every second, for ever, and tells whether we serve whenever that changes; at first we do.
    Cancel it to end it."""
    probe = Probe(database)
    serving = True
    try:
        while True:
            found = await probe.is_writable()
            if found is not serving:
                serving = found
                await tell(serving)
                if serving:
                    log.info("the database is back: serving")
                else:
                    log.error("the database can't be reached or written: not serving until it is back")
            await asyncio.sleep(LOOK_S)
    finally:
        probe.close()
