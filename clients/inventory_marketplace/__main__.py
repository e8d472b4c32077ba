"""`python -m inventory_marketplace`."""

import asyncio
import logging
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from inventory_client import CursorFileCorrupt, FileCursorStore, InventoryClient, InventoryError
from inventory_client.credentials import set_text, token_of

try:
    import httpx

    from inventory_marketplace.adapter import Adapter
    from inventory_marketplace.bucket import TokenBucket
    from inventory_marketplace.marketplace import Marketplace
    from inventory_marketplace.offers import Offers
    from inventory_marketplace.reconciler import Reconciler
    from inventory_marketplace.sender import Sender
except ModuleNotFoundError as missing:
    package = (missing.name or "").partition(".")[0]
    if package != "httpx":
        raise
    sys.exit(f"the marketplace adapter needs {package}: pip install 'inventory[channels]'")

UPDATES_PER_MINUTE_MAX = 1_000_000
RECONCILE_MINUTES_MAX = 10_080
ReconcileMinutes = Annotated[float, Parameter(validator=validators.Number(gte=0, lte=RECONCILE_MINUTES_MAX))]
MINUTE_S = 60.0

app = App(name="python -m inventory_marketplace", version_flags=[], default_parameter=Parameter(env_var_split=set_text))


@app.default
def run(
    *,
    server: Annotated[str, Parameter(env_var="INVENTORY_SERVER")] = "127.0.0.1:50051",
    token_file: Annotated[Path | None, Parameter(env_var="INVENTORY_TOKEN_FILE")] = None,
    tls_ca: Annotated[Path | None, Parameter(env_var="INVENTORY_TLS_CA")] = None,
    url: str,
    cursor: Path,
    updates_per_minute: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=UPDATES_PER_MINUTE_MAX))] = 600,
    burst: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    timeout_s: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=600))] = 10.0,
    reconcile_minutes: ReconcileMinutes = 15.0,
    channel: str = "marketplace",
) -> int:
    """Keep a marketplace's stock numbers right.

    Follows what its channel may sell and sends it as PUT URL/offers {"offers": [{"sku": …, "available": …}]}: the
    nearly sold out first, the newest numbers only, and never more updates than allowed. From which places that is, and
    what is kept back (buffer, cap, share, SKUs' own views), are the channel's settings: inventory channel set --help.
    Every 15 minutes, and when it has lost its server and found one again, it reads what the marketplace shows, as GET
    URL/offers?limit=1000&after=… with the answer {"offers": [{"sku": …, "available": …}], "next": …}, has the service
    compare it, and sends again what is wrong there; inventory reconcile --list shows what came of it.

    Ctrl-C ends it; started again with the same cursor file it goes on where it was.

    Example: python -m inventory_marketplace --server 127.0.0.1:50051 --channel marketplace --url http://127.0.0.1:9000
    --updates-per-minute 600 --cursor marketplace.cursor

    Parameters
    ----------
    server
        HOST:PORT of a server, or several with commas between.
    token_file
        The file that holds the channel's token, which needs the scopes stock:read and watch; if none is named,
        INVENTORY_TOKEN holds it.
    tls_ca
        Who signs the servers' certificates, a PEM file. Default: no TLS.
    url
        Where the marketplace takes offers.
    cursor
        The file that remembers how far the marketplace has everything. Remove it to send all again.
    updates_per_minute
        How many SKUs may be updated in any minute, tries that failed among them.
    burst
        How many of them at once. Default: a tenth.
    timeout_s
        How long one call may take.
    reconcile_minutes
        How often it reads what the marketplace shows. 0: never.
    channel
        The channel whose stock is offered; its subscriber has the same name.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    burst = max(1, updates_per_minute // 10) if burst is None else burst
    if burst > updates_per_minute:
        return _say(f"--burst is at most --updates-per-minute, not {burst}")
    if not _is_address(url):
        return _say(f"--url takes an address such as http://host/path, not {url!r}")
    bucket = TokenBucket(updates_per_minute, burst, time.monotonic)
    try:
        client = InventoryClient(server.split(","), channel, token=token_of(token_file), ca=tls_ca)
        asyncio.run(adapt(client, channel, url, cursor, bucket, timeout_s, reconcile_minutes * MINUTE_S))
    except (InventoryError, OSError, CursorFileCorrupt, ValueError) as error:
        return _say(str(error))
    return 0


async def adapt(
    inventory: InventoryClient,
    channel: str,
    url: str,
    cursor: Path,
    bucket: TokenBucket,
    timeout_s: float,
    reconcile_s: float,
) -> None:
    """Until SIGINT or SIGTERM. `reconcile_s`: how often the marketplace's numbers are compared; 0: never."""
    async with inventory as client, httpx.AsyncClient(timeout=timeout_s) as http:
        offers = Offers()
        adapter = Adapter(client, FileCursorStore(cursor), offers, channel)
        marketplace = Marketplace(http, url)
        sender = Sender(offers, bucket, marketplace, adapter.on_accepted)
        reconciler = Reconciler(client, marketplace, offers, reconcile_s) if reconcile_s else None
        running = asyncio.create_task(adapter.run(sender, reconciler))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        with suppress(asyncio.CancelledError):
            await running


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


def _say(line: str) -> int:
    print(f"inventory_marketplace: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(app())
