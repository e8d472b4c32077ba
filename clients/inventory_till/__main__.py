"""`python -m inventory_till`."""

import asyncio
import contextlib
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from inventory_client import InventoryClient, InventoryError, Overloaded, StockMirror, Unavailable
from inventory_client.credentials import set_text, token_of
from inventory_till.journal import Journal, JournalError, open_journal
from inventory_till.terminal import open_terminal
from inventory_till.till import Till

HOLD_TTL_MAX_S = 86_400
HEARTBEAT = timedelta(seconds=2)
"""After three of them without a word the till is offline."""

app = App(name="python -m inventory_till", version_flags=[], default_parameter=Parameter(env_var_split=set_text))


@app.default
def run(
    *,
    server: Annotated[str, Parameter(env_var="INVENTORY_SERVER")] = "127.0.0.1:50051",
    token_file: Annotated[Path | None, Parameter(env_var="INVENTORY_TOKEN_FILE")] = None,
    tls_ca: Annotated[Path | None, Parameter(env_var="INVENTORY_TLS_CA")] = None,
    location: str,
    channel: str = "till",
    journal: Path | None = None,
    hold_ttl_s: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=HOLD_TTL_MAX_S))] = 60,
) -> int:
    """Sell at a till.

    Scan or type a SKU or a barcode and press Enter; 3*CODE adds three. * and a number change the selected line's
    quantity, the arrows select, Del removes. Enter on nothing (or F10) sells: reserved, committed and issued, each
    once, however often the line drops. While the server is away the till goes on with what it knows; a payment waits
    for the server or is given up with Esc. After a crash it asks what shall become of an unfinished payment.

    Example: python -m inventory_till --server 127.0.0.1:50051,127.0.0.1:50052 --location shop-1 --channel till-7

    Parameters
    ----------
    server
        HOST:PORT of a server, or several with commas between.
    token_file
        The file that holds the channel's token, which needs the scopes stock:read, reservation and watch; if none is
        named, INVENTORY_TOKEN holds it.
    tls_ca
        Who signs the servers' certificates, a PEM file. Default: no TLS.
    location
        Whose stock is sold.
    channel
        The till's name in the ledger and on receipts; each till needs its own.
    journal
        The file of unfinished payments. Default: by channel, in ~/.local/state/inventory-till.
    hold_ttl_s
        For how long a payment holds the goods while the server can't be reached.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _say("a till needs a terminal")
    path = journal or _state_home() / "inventory-till" / f"{channel}.json"
    try:
        with open_journal(path) as opened:
            client = InventoryClient(server.split(","), channel, token=token_of(token_file), ca=tls_ca)
            asyncio.run(sell(client, location, channel, opened, timedelta(seconds=hold_ttl_s)))
            unfinished = opened.intents
    except (InventoryError, JournalError, OSError, ValueError) as error:
        return _say(str(error))
    except KeyboardInterrupt:
        return 130
    if unfinished:
        return _say(f"unfinished payments: {len(unfinished)}; start the till again to see to them")
    return 0


async def sell(inventory: InventoryClient, location: str, channel: str, journal: Journal, hold_ttl: timedelta) -> None:
    """Until the cashier leaves. Raises `InventoryError` when there is no such location."""
    async with inventory as client:
        mirror = StockMirror(client, locations=[location], heartbeat=HEARTBEAT, ready_s=None)
        # The server may be away: the till opens all the same.
        starting = asyncio.create_task(_start(client, mirror, location))
        try:
            with open_terminal() as terminal:
                till = Till(client, mirror, journal, terminal, channel, location, hold_ttl)
                selling = asyncio.create_task(till.run())
                try:
                    await asyncio.wait((starting, selling), return_when=asyncio.FIRST_COMPLETED)
                    if starting.done():
                        starting.result()
                    await selling
                finally:
                    await _end(selling)
        finally:
            await _end(starting)
            await mirror.aclose()


async def _start(client: InventoryClient, mirror: StockMirror, location: str) -> None:
    """Until all is there to sell with. In a task of its own: of a `gather` that was cancelled nobody can tell so."""
    await asyncio.gather(mirror.start(), _check(client, location))


async def _end(task: asyncio.Task[None]) -> None:
    """What became of it is known already, or nobody's matter any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _check(client: InventoryClient, location: str) -> None:
    """Raises `NotFound` as soon as the server can say so."""
    while True:
        with contextlib.suppress(Unavailable, Overloaded):
            await client.get_location(location)
            return


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def _say(line: str) -> int:
    print(f"inventory_till: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(app())
