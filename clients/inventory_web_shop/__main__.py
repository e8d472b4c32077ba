"""`python -m inventory_web_shop`."""

import asyncio
import logging
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from inventory_client import AvailabilityMirror, InventoryClient, InventoryError
from inventory_client.credentials import set_text, token_of

try:
    import uvicorn

    from inventory_web_shop.shop import Shop
except ModuleNotFoundError as missing:
    package = (missing.name or "").partition(".")[0]
    if package not in ("starlette", "uvicorn"):
        raise
    sys.exit(f"the web shop needs {package}: pip install 'inventory[channels]'")

HOLD_TTL_MAX_S = 86_400
GRACE_S = 3

app = App(name="python -m inventory_web_shop", version_flags=[], default_parameter=Parameter(env_var_split=set_text))


@app.default
def run(
    *,
    server: Annotated[str, Parameter(env_var="INVENTORY_SERVER")] = "127.0.0.1:50051",
    token_file: Annotated[Path | None, Parameter(env_var="INVENTORY_TOKEN_FILE")] = None,
    tls_ca: Annotated[Path | None, Parameter(env_var="INVENTORY_TLS_CA")] = None,
    location: str = "",
    listen: str = "127.0.0.1:8080",
    channel: str = "web",
    hold_ttl_s: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=HOLD_TTL_MAX_S))] = 900,
    stale_max_s: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 15.0,
) -> int:
    """Serve a web shop's front end: stock, checkout and orders as JSON over HTTP.

    GET /stock/SKU and /stock?skus=A,B say from a mirror what the channel may sell, GET /stock/events?skus=A,B streams
    what changes; places, buffer and the like are the channel's settings: inventory channel set --help. POST
    /carts/CART/checkout {"lines": [{"sku": "A", "quantity": 2}]} holds, POST /orders {"cart": CART, "reference":
    "order-7"} sells, DELETE /carts/CART gives back. It has no passwords: keep it behind something that has.

    Example: python -m inventory_web_shop --server 127.0.0.1:50051,127.0.0.1:50052 --channel web
    --listen 127.0.0.1:8080

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
        Take everything from there. Let the channel sell from there only, so that no more is shown. Default: the
        service chooses, among the channel's places.
    listen
        HOST:PORT of the HTTP port; port 0 takes a free one.
    channel
        Who sells, as its settings and the ledger name it.
    hold_ttl_s
        For how long a checkout holds.
    stale_max_s
        What is older than this is not given out: 503, and why. A quiet feed says every 5 s that it is up to date.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        return _say(f"--listen takes HOST:PORT, not {listen!r}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(
            serve(
                InventoryClient(server.split(","), channel, token=token_of(token_file), ca=tls_ca),
                location,
                host,
                int(port),
                timedelta(seconds=hold_ttl_s),
                stale_max_s,
            )
        )
    except (InventoryError, OSError, ValueError) as error:  # OSError: also that no snapshot came in time
        return _say(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        return 130
    return 0


async def serve(
    inventory: InventoryClient, location: str, host: str, port: int, hold_ttl: timedelta, stale_max_s: float
) -> None:
    """Until SIGINT or SIGTERM."""
    async with inventory as client:
        if location:
            await client.get_location(location)
        async with AvailabilityMirror(client) as mirror:
            shop = Shop(client, mirror, location, hold_ttl, stale_max_s)
            config = uvicorn.Config(
                shop.app(),
                host,
                port,
                lifespan="off",
                log_level="info",
                access_log=False,
                timeout_graceful_shutdown=GRACE_S,
            )
            await _Server(config, shop).serve()


class _Server(uvicorn.Server):
    """Ends the streams of product pages first: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, shop: Shop) -> None:
        super().__init__(config)
        self._shop = shop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._shop.viewers.end()
        await super().shutdown(sockets)


def _say(line: str) -> int:
    print(f"inventory_web_shop: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(app())
