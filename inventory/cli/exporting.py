"""`inventory export`: what `inventory import` reads back."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import App, Parameter

from inventory.cli import csv_file
from inventory.cli.channel_rows import CHANNEL_SKUS, CHANNELS, channel_row, channel_sku_row
from inventory.cli.csv_catalog import LOCATIONS, SKUS, location_row, sku_row
from inventory.cli.csv_rows import STOCK, lot_rows, stock_rows
from inventory.cli.failure import Failed
from inventory.cli.options import SERVER_DEFAULT, Server
from inventory.cli.terminal import progress
from inventory.v1 import catalog_service_pb2 as catalog_pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

PROGRESS_ROWS = 1_000

app = App(
    name="export",
    help="Export SKUs, locations, stock and channels as CSV files that `inventory import` reads back unchanged.",
)

Output = Annotated[
    Path | None,
    Parameter(name=["--output", "-o"], help="The file to write; it appears when it is complete. Default: stdout."),
]
Rows = AsyncIterator[list[str]]
Read = Callable[["InventoryClient"], Rows]


@app.command
def skus(*, server: Server = SERVER_DEFAULT, output: Output = None) -> int:
    """Export all SKUs, by code.

    Example: inventory export skus -o skus.csv
    """
    return _export(SKUS.columns, _skus, server, output)


@app.command
def locations(*, server: Server = SERVER_DEFAULT, output: Output = None) -> int:
    """Export all locations, by code.

    Example: inventory export locations -o shops.csv
    """
    return _export(LOCATIONS.columns, _locations, server, output)


@app.command
def stock(*, server: Server = SERVER_DEFAULT, output: Output = None) -> int:
    """Export what lies on the shelves: a row for each SKU, location and disposition that isn't empty.

    What is held or allocated lies on the shelf too; promises are not exported. While others write, pages are of
    different moments. `inventory import stock` ADDS what such a file says; to set what is there, use `inventory count`.

    Example: inventory export stock -o stock.csv
    """
    return _export(STOCK.columns, _stock, server, output)


@app.command
def channels(*, server: Server = SERVER_DEFAULT, output: Output = None) -> int:
    """Export the settings of all channels, by code.

    Example: inventory export channels -o channels.csv
    """
    return _export(CHANNELS.columns, _channels, server, output)


@app.command
def channel_skus(*, server: Server = SERVER_DEFAULT, output: Output = None) -> int:
    """Export the SKUs that have a view of their own in a channel, by channel and SKU.

    Example: inventory export channel-skus -o overrides.csv
    """
    return _export(CHANNEL_SKUS.columns, _channel_skus, server, output)


def _export(columns: csv_file.Columns, read: Read, server: Server, output: Path | None) -> int:
    from inventory.cli.connection import run

    with _written(output) as file:
        rows = run(_write(columns, read, server, file))
    print(f"{rows:,} rows exported" + (f" to {output}" if output else ""), file=sys.stderr)
    return 0


async def _write(columns: csv_file.Columns, read: Read, server: Server, file: TextIO) -> int:
    from inventory.cli.connection import connect

    count = 0
    async with connect(server) as client:
        file.write(csv_file.line(columns.all))
        with progress() as bar:
            task = bar.add_task("exporting", total=None)
            async for row in read(client):
                file.write(csv_file.line(row))
                count += 1
                if not count % PROGRESS_ROWS:
                    bar.update(task, completed=count)
            bar.update(task, completed=count, total=count)
    file.flush()
    return count


@contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    """A file that takes its name when it is complete; stdout without a name."""
    if output is None:
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file:
            yield file
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}-", dir=output.parent)
    except OSError as error:
        raise Failed(f"{output} can't be written: {error.strerror}") from error
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _skus(client: "InventoryClient") -> Rows:
    return (sku_row(sku) async for sku in client.list_skus())


def _locations(client: "InventoryClient") -> Rows:
    return (location_row(location) async for location in client.list_locations())


async def _stock(client: "InventoryClient") -> Rows:
    """Of a SKU that is tracked by lots, what is of which."""
    by_lots = {sku.sku async for sku in client.list_skus() if sku.tracking == catalog_pb2.TRACKING_LOTS}
    async for level in client.list_stock():
        if level.sku not in by_lots:
            for row in stock_rows(level):
                yield row
        elif level.quantities.on_hand:
            for lot in await client.list_lots(level.sku, location=level.location):
                for row in lot_rows(level.sku, lot):
                    yield row


def _channels(client: "InventoryClient") -> Rows:
    return (channel_row(channel) async for channel in client.list_channels())


def _channel_skus(client: "InventoryClient") -> Rows:
    return (
        channel_sku_row(channel.channel, sku)
        async for channel in client.list_channels()
        async for sku in client.list_channel_skus(channel.channel)
    )
