"""`inventory import`: files are judged whole, then sent in bulk; sending one again adds nothing twice."""

import asyncio
import bisect
import sys
import uuid
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from inventory.cli.channel_rows import CHANNEL_SKUS, CHANNELS
from inventory.cli.csv_catalog import LOCATIONS, SKUS
from inventory.cli.csv_file import COMPLAINTS_MAX, Complaint, CsvFile, CsvRefused, Findings
from inventory.cli.csv_rows import STOCK, Judged, Row, Table
from inventory.cli.failure import Failed
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Server
from inventory.cli.sending import (
    NAMESPACE,
    Answer,
    Batch,
    Send,
    send_channel_skus,
    send_channels,
    send_locations,
    send_skus,
    send_stock,
)
from inventory.cli.terminal import progress
from inventory.domain.refusal import Reason, Refusal

if TYPE_CHECKING:
    from inventory_client import Failure

BATCH_ROWS = 2_000
BATCH_BYTES_MAX = 4 << 20
IN_FLIGHT_DEFAULT = 3
IN_FLIGHT_MAX = 16

app = App(
    name="import",
    help="Import locations, SKUs, stock and channels from CSV files. A file is checked whole before anything is sent.",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """How a file is sent."""

    server: Server = SERVER_DEFAULT
    channel: ChannelCode = CHANNEL_DEFAULT
    dry_run: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """Check the file, ask the server what it would do, and change nothing."""
    in_flight: int = IN_FLIGHT_DEFAULT
    """Batches on their way at once. 1 keeps them in the file's order also when the server is lost in between."""

    def check(self) -> None:
        """Raises `Failed`."""
        if not 1 <= self.in_flight <= IN_FLIGHT_MAX:
            raise Failed(f"--in-flight is 1 to {IN_FLIGHT_MAX}")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StockOptions(Options):
    """How a file is sent whose rows add up: what it did before must be known."""

    run: Annotated[str, Parameter(show_default=False)] = ""
    """A name for this run. Under one name a file takes effect once within a week; another name makes it do so again."""
    partial: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """Don't ask the server about every row first: add what it takes, and list what it refuses."""


DEFAULTS = Options()
STOCK_DEFAULTS = StockOptions()


@app.command
def skus(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Create or update SKUs from a CSV file.

    Columns: sku, and if you like name, category, unit, unit_digits, barcodes (with spaces between), active (true,
    false), attributes (a JSON object of texts), kind (goods, bundle, virtual, virtual_limited), tracking (lots,
    serials), units (a JSON object such as {"box": 12}), components (of a bundle, a JSON object such as {"TEA-1": 2}),
    from_several_places (true, false), oversell (deny, allow, or a number), preorder_until (YYYY-MM-DD),
    preorder_limit. A SKU that exists gets all of these anew, an absent column its default; only its unit never changes,
    and units are only added.
    Bundles are sent after what they are made of.

    Example: inventory import skus skus.csv --dry-run

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    """
    return _import(SKUS, send_skus, file, options)


@app.command
def locations(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Create or update locations from a CSV file.

    Columns: location, and if you like name, kind (warehouse, shop, pickup_point, external), active (true, false),
    street, postal_code, city, country (PL), latitude, longitude, priority (0 comes first), handling_s, cutoff (HH:MM),
    working_days (1-5, or 1 3 5), closed_on (YYYY-MM-DD, with spaces between), time_zone (Europe/Warsaw), purposes
    (online, pickup, walk_in, with spaces between), transit_days. A location that exists gets all of these anew: what
    the file doesn't say, a column that is absent or a field that is empty, falls back to its default.

    Example: inventory import locations shops.csv

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    """
    return _import(LOCATIONS, send_locations, file, options)


@app.command
def channels(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Create channels or replace their settings from a CSV file.

    Columns: channel, and if you like name, kind (web, pos, telephone, marketplace), locations (codes in the channel's
    order, with spaces between, or a JSON list; empty: everywhere), buffer, cap, share_bp (10000 is all), oversell
    (deny, allow, or a number), min_life_days, silent_after_s, stop_selling_when_silent. A channel that exists gets all
    of these anew; an empty field is not set, which differs from 0.

    Example: inventory import channels channels.csv --dry-run

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    """
    return _import(CHANNELS, send_channels, file, options)


@app.command
def channel_skus(file: Path, /, *, options: Options = DEFAULTS) -> int:
    """Give SKUs a view of their own in channels, from a CSV file.

    Columns: channel, sku, and if you like buffer, cap, share_bp, oversell, as in a file of channels. An empty field is
    the channel's; a row without any takes the SKU's own view away.

    Example: inventory import channel-skus overrides.csv

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    """
    return _import(CHANNEL_SKUS, send_channel_skus, file, options)


@app.command
def stock(file: Path, /, *, options: StockOptions = STOCK_DEFAULTS) -> int:
    """Add stock from a CSV file: each quantity is ADDED to what is on the shelf. To set what is there, use
    `inventory count`.

    Columns: sku, location, quantity (in the SKU's smallest unit: grams for a SKU in kg with three digits), and if you
    like disposition (sellable, quality_control, damaged, quarantined), and for a SKU tracked by lots lot and expires_on
    (the lot's last day as 2026-12-24; empty: as known, or it lasts).

    The server is asked about every row first: when it would refuse one, nothing is added. A run may be stopped at any
    time; the same file again goes on where it was and adds nothing twice. To add it a second time, say --run.

    Example: inventory import stock opening.csv

    Example: inventory import stock delivery.csv --run 2026-11-23

    Parameters
    ----------
    file
        The CSV file: UTF-8, commas, a header.
    """
    return _import(STOCK, send_stock, file, options)


@dataclass
class Totals:
    """What came of all batches. `unasked`: rows that the server can't judge in a dry run, since others of the file are
    not there yet."""

    rows: int = 0
    unasked: int = 0
    replayed: int = 0
    refused: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    first_refused: list[Complaint] = field(default_factory=list)

    def add(self, batch: Batch[Any], answer: Answer, coming: AbstractSet[str]) -> None:
        """`coming`: codes that a dry run's file would have brought before."""
        self.rows += len(batch.rows)
        self.replayed += len(batch.rows) - len(answer.refused) if answer.replayed else 0
        for name, count in answer.counts.items():
            self.counts[name] = self.counts.get(name, 0) + (0 if answer.replayed else count)
        for row, why in answer.refused:
            if why.reason == Reason.SKU_NOT_FOUND and why.metadata.get("sku") in coming:
                self.unasked += 1
                continue
            self.refused += 1
            complaint = Complaint(batch.numbers[row], "", why.reason or why.code, why.message)
            bisect.insort(self.first_refused, complaint)
        del self.first_refused[COMPLAINTS_MAX:]


def _import(table: Table[Row], send: Send, path: Path, options: Options) -> int:
    from inventory.cli.connection import run

    options.check()
    with CsvFile(path, table.columns) as file:
        judged = _judge(table, file)
        totals = Totals()
        if judged.rows and isinstance(options, StockOptions) and not (options.dry_run or options.partial):
            totals = run(_send_all(table, send, file, judged, replace(options, dry_run=True)))
            if totals.refused:
                _list_refused(totals)
                raise Failed(f"{file.path}: nothing was added; mend these rows or say --partial, and send it again")
        if judged.rows:
            totals = run(_send_all(table, send, file, judged, options))
    _list_refused(totals)
    _report(table, file, totals, options)
    return 1 if totals.refused else 0


def _judge(table: Table[Row], file: CsvFile) -> Judged:
    """Raises `Failed` when a single row is bad."""
    findings = Findings()
    judged = Judged()
    with progress() as bar:
        task = bar.add_task("checking", total=None)
        try:
            for number, fields in file.fields(findings.add):
                judged.rows += 1
                try:
                    judged.add(table, table.parse(fields))
                except Refusal as refusal:
                    findings.add_refusal(number, refusal)
                if not judged.rows % 10_000:
                    bar.update(task, completed=judged.rows)
        except CsvRefused as refused:
            findings.add(refused.complaint)
        bar.update(task, completed=judged.rows, total=judged.rows)
    if findings.count:
        count = "1 bad row" if findings.count == 1 else f"{findings.count:,} bad rows"
        raise Failed(f"{file.path} is refused for {count}; nothing was sent", *findings.lines())
    return judged


def _batches(table: Table[Row], file: CsvFile, judged: Judged, options: Options) -> Iterator[Batch[Row]]:
    """The same file and run of stock give the same request_ids, so a batch that comes again is a replay. What creates
    or updates may be done again, and must be, when an earlier file is to be in force again."""
    this_run = f"{file.digest()} {options.run}" if isinstance(options, StockOptions) else str(uuid.uuid4())
    source = f"{table.noun} {this_run}"
    position = size_bytes = 0
    rows: list[Row] = []
    numbers: list[int] = []
    alone = False
    for turn, number, message in _in_turn(table, file, judged):
        row_bytes = message.ByteSize()
        if rows and (len(rows) >= BATCH_ROWS or size_bytes + row_bytes > BATCH_BYTES_MAX):
            file.assert_unchanged()
            yield Batch(str(uuid.uuid5(NAMESPACE, f"{source} {position}")), rows, numbers, alone)
            position, size_bytes, rows, numbers = position + 1, 0, [], []
        size_bytes += row_bytes
        rows.append(message)
        numbers.append(number)
        alone = turn > 0
    if rows:
        file.assert_unchanged()
        yield Batch(str(uuid.uuid5(NAMESPACE, f"{source} {position}")), rows, numbers, alone)


def _in_turn(table: Table[Row], file: CsvFile, judged: Judged) -> Iterator[tuple[int, int, Row]]:
    """Turn, number and message of all rows. The file is read once for each turn: it may be larger than memory."""

    def changed(complaint: Complaint) -> None:
        raise Failed(f"{file.path} was changed while it was being read: {complaint}")

    for turn in range(3 if judged.composed else 1):
        for number, fields in file.fields(changed):
            message = table.parse(fields)
            if judged.turn(table, message) == turn:
                yield turn, number, message


async def _send_all(table: Table[Row], send: Send, file: CsvFile, judged: Judged, options: Options) -> Totals:
    from inventory.cli.connection import WRITE_PATIENCE_S, SayAgain, connect

    totals = Totals()
    coming = judged.codes if options.dry_run and judged.composed else frozenset()
    verb = "asking" if options.dry_run else "sending"
    with progress() as bar:
        task = bar.add_task(verb, total=judged.rows)

        without_bar = SayAgain(options.server.address)

        def say_again(failure: "Failure", pause_s: float) -> None:
            if bar.disable:
                without_bar(failure, pause_s)
            bar.update(task, description=f"{verb} again ({failure.reason or failure.code})")

        async with connect(options.server, options.channel, say_again, patience_s=WRITE_PATIENCE_S) as client:
            free = asyncio.Semaphore(options.in_flight)

            async def settle(batch: Batch[Row]) -> None:
                answer = await send(client, batch, options.dry_run)
                totals.add(batch, answer, coming)
                bar.update(task, advance=len(batch.rows), description=verb)
                free.release()

            try:
                async with asyncio.TaskGroup() as group:
                    for batch in _batches(table, file, judged, options):
                        await free.acquire()
                        for _ in range(options.in_flight - 1 if batch.alone else 0):
                            await free.acquire()
                        settling = group.create_task(settle(batch))
                        if batch.alone:
                            await settling
                            for _ in range(options.in_flight - 1):
                                free.release()
            except* Exception as failures:  # noqa: BLE001 - raised again, without the group
                _say_how_to_go_on(totals, options)
                raise _first(failures) from None
    return totals


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _say_how_to_go_on(totals: Totals, options: Options) -> None:
    if not options.dry_run:
        print(
            f"stopped after {totals.rows:,} rows; the same command again goes on: what took effect is not done twice",
            file=sys.stderr,
        )


def _list_refused(totals: Totals) -> None:
    if totals.refused:
        print(f"the server refused {_rows(totals.refused)}:", file=sys.stderr)
        for complaint in totals.first_refused:
            print(f"  {complaint}", file=sys.stderr)
        if totals.refused > len(totals.first_refused):
            print(f"  … and {totals.refused - len(totals.first_refused):,} more", file=sys.stderr)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _report(table: Table[Row], file: CsvFile, totals: Totals, options: Options) -> None:
    parts = [f"{count:,} {name}" for name, count in totals.counts.items()]
    if totals.refused:
        parts.append(f"{totals.refused:,} refused")
    if totals.unasked:
        parts.append(f"{totals.unasked:,} can be judged only when the other rows are there")
    if totals.replayed:
        parts.append(f"{totals.replayed:,} had been added before")
    what = "read (dry run: nothing is changed)" if options.dry_run else "read"
    print(f"{file.path}: {_rows(totals.rows)} of {table.noun} {what}" + "".join(f", {part}" for part in parts))
