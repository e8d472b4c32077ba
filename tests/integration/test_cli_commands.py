"""Each command as a process of its own, against a real server."""

import asyncio
import csv
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from inventory.__main__ import run
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.reservation_service_pb2_grpc import ReservationServiceStub
from inventory.v1.stock_service_pb2_grpc import StockServiceStub
from tests.integration.command import Command

if TYPE_CHECKING:  # the stub's name only
    from inventory.v1.stock_service_pb2_grpc import StockServiceAsyncStub

TIMEOUT_S = 90.0
UUID = "00000000-0000-4000-8000-0000000000{:02}"


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Cli:
    """Runs commands against one server."""

    def __init__(self, address: str, dsn: str) -> None:
        self.address = address
        self.dsn = dsn
        self._spawned: list[Command] = []

    async def end(self) -> None:
        """Kills what a failed test has left."""
        for process in self._spawned:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def spawn(self, *arguments: str) -> Command:
        environment = {**os.environ, "INVENTORY_SERVER": self.address, "INVENTORY_DSN": self.dsn}
        process = await Command.start(*arguments, environment=environment)
        self._spawned.append(process)
        return process

    async def run(self, *arguments: str) -> Ended:
        process = await self.spawn(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        assert process.returncode is not None
        assert "Traceback" not in err.decode()
        return Ended(process.returncode, out.decode(), err.decode())

    async def ok(self, *arguments: str) -> str:
        ended = await self.run(*arguments)
        assert ended.code == 0, ended.err
        return ended.out


@pytest.fixture
async def cli(dsn: str) -> AsyncIterator[Cli]:
    async with AsyncExitStack() as stack:
        cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, stack), dsn)
        stack.push_async_callback(cli.end)
        yield cli


def write(path: Path, header: str, *rows: str) -> str:
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return str(path)


@pytest.fixture
async def stocked(cli: Cli, tmp_path: Path) -> Cli:
    """Two SKUs, one by weight; two shops; some stock."""
    skus = write(
        tmp_path / "skus.csv",
        "sku,name,category,unit,unit_digits,barcodes,attributes",
        'A-1,"=cmd|\' /C calc\'!A0",FOOD,,,4006381333931,"{""brand"": ""-ACME""}"',
        "@B,Cheese,FOOD/CHEESE,kg,3,,",
    )
    locations = write(tmp_path / "locations.csv", "location,name,kind", "+L1,-One,shop", "L2,,warehouse")
    stock = write(
        tmp_path / "stock.csv",
        "sku,location,quantity,disposition",
        "A-1,+L1,10,", "@B,+L1,1250,", "@B,L2,7,damaged", "@B,L2,2,quarantined",
    )  # fmt: skip
    assert "2 rows of locations read, 2 created" in await cli.ok("import", "locations", locations)
    assert "2 rows of skus read, 2 created" in await cli.ok("import", "skus", skus)
    assert "4 rows of stock read, 4 added" in await cli.ok("import", "stock", stock)
    return cli


async def test_what_was_exported_and_imported_elsewhere_is_exported_the_same(
    stocked: Cli, empty_dsn: str, tmp_path: Path
) -> None:
    async def exported(cli: Cli, noun: str) -> str:
        path = tmp_path / f"{noun}.exported.csv"
        await cli.ok("export", noun, "-o", str(path))
        return path.read_text("utf-8")

    nouns = ("locations", "skus", "stock")
    before = {noun: await exported(stocked, noun) for noun in nouns}
    assert before["stock"] == (
        "sku,location,quantity,disposition,lot,expires_on\n"
        '"@B","+L1",1250,sellable,,\n"@B",L2,7,damaged,,\n"@B",L2,2,quarantined,,\nA-1,"+L1",10,sellable,,\n'
    )
    assert [row[1] for row in csv.reader(before["skus"].splitlines())][1:] == ["Cheese", "=cmd|' /C calc'!A0"]

    async with AsyncExitStack() as stack:
        other = Cli(await start(Settings(listen="127.0.0.1:0"), empty_dsn, stack), empty_dsn)
        for noun in nouns:
            path = tmp_path / f"{noun}.copy.csv"
            path.write_text(before[noun], "utf-8")
            await other.ok("import", noun, str(path))
        assert {noun: await exported(other, noun) for noun in nouns} == before


async def test_an_export_without_a_file_goes_to_stdout(stocked: Cli) -> None:
    header, *rows = (await stocked.ok("export", "locations")).splitlines()
    assert header == (
        "location,name,kind,active,street,postal_code,city,country,latitude,longitude,priority,handling_s,cutoff,"
        "working_days,closed_on,time_zone,purposes,transit_days"
    )
    default = "true,,,,,,,100,0,,1 2 3 4 5 6 7,,UTC,online pickup walk_in,0"
    assert rows == [f'"+L1","-One",shop,{default}', f"L2,L2,warehouse,{default}"]


async def test_bundles_are_imported_after_what_they_are_made_of(stocked: Cli, tmp_path: Path) -> None:
    """They come first by their codes, and not in the batch of their parts: a dry run can't ask about them."""
    file = write(
        tmp_path / "skus.csv",
        "sku,kind,components",
        'A-OUTER,bundle,"{""B-INNER"": 1, ""Z-2"": 3}"',
        'B-INNER,bundle,"{""Z-1"": 2, ""Z-2"": 1}"',
        *(f"Z-{number},," for number in range(1, 2_101)),
    )
    dry = await stocked.ok("import", "skus", file, "--dry-run")
    assert "2,102 rows of skus read (dry run: nothing is changed), 2,100 created" in dry
    assert "2 can be judged only when the other rows are there" in dry
    assert "2,102 rows of skus read, 2,102 created" in await stocked.ok("import", "skus", file)
    exported = tmp_path / "exported.csv"
    await stocked.ok("export", "skus", "-o", str(exported))
    assert "A-OUTER,A-OUTER,,piece,0,,true,,bundle,,," in exported.read_text()
    assert "0 created, 0 updated" in await stocked.ok("import", "skus", str(exported))


async def test_the_same_file_again_changes_nothing_unless_the_run_has_another_name(
    stocked: Cli, tmp_path: Path
) -> None:
    again = await stocked.ok("import", "stock", str(tmp_path / "stock.csv"))
    assert "0 added, 4 had been added before" in again
    assert '"on_hand": 10,' in await stocked.ok("stock", "A-1", "--json")
    assert "before" not in await stocked.ok("import", "stock", str(tmp_path / "stock.csv"), "--run", "2")
    assert '"on_hand": 20,' in await stocked.ok("stock", "A-1", "--json")


async def test_an_import_that_was_stopped_goes_on_where_it_was(stocked: Cli, tmp_path: Path) -> None:
    rows = [f"A-1,L2,{number}" for number in range(1, 5_001)]
    whole = write(tmp_path / "many.csv", "sku,location,quantity", *rows)
    first = await stocked.ok("import", "stock", whole)
    assert "5,000 rows of stock read, 5,000 added" in first
    second = await stocked.ok("import", "stock", whole)
    assert "0 added, 5,000 had been added before" in second
    levels = json.loads(await stocked.ok("stock", "A-1", "--location", "L2", "--json"))["levels"]
    assert levels[0]["on_hand"] == sum(range(1, 5_001))


async def test_an_earlier_catalogue_file_is_in_force_again_when_it_is_sent_again(stocked: Cli, tmp_path: Path) -> None:
    first = write(tmp_path / "first.csv", "sku,name", "TEA,Tea")
    second = write(tmp_path / "second.csv", "sku,name", "TEA,Green tea")
    for file, counted in ((first, "1 created"), (second, "1 updated"), (first, "1 updated"), (first, "1 unchanged")):
        assert counted in await stocked.ok("import", "skus", file)
    assert "TEA,Tea," in await stocked.ok("export", "skus")


async def test_an_import_outlives_its_server(dsn: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    cli = Cli(address, dsn)
    async with AsyncExitStack() as stack:
        await start(Settings(listen=address), dsn, stack)
        await cli.ok("import", "skus", write(tmp_path / "skus.csv", "sku", "A"))
        await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "L"))
        rows = ["A,L,1"] * 20_000
        running = await cli.spawn(
            "import", "stock", write(tmp_path / "stock.csv", "sku,location,quantity", *rows), "--partial"
        )
        async with grpc.aio.insecure_channel(address) as channel:
            await _until_stocked(StockServiceStub(channel))
    async with AsyncExitStack() as stack:
        await start(Settings(listen=address), dsn, stack)
        out, err = await asyncio.wait_for(running.communicate(), TIMEOUT_S)
        assert running.returncode == 0, err
        assert b"20,000 rows of stock read, 20,000 added" in out
        assert '"on_hand": 20000,' in await cli.ok("stock", "A", "--json", "--movements", "0")


async def _until_stocked(stub: "StockServiceAsyncStub") -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            answer = await stub.ListStock(stock_pb2.ListStockRequest())
            if answer.levels:
                return


async def test_a_dry_run_says_what_would_be_and_changes_nothing(stocked: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "more.csv", "sku,location,quantity", "A-1,L2,5", "A-1,nowhere,5", "NO,L2,5")
    ended = await stocked.run("import", "stock", file, "--dry-run")
    assert ended.code == 1
    assert "3 rows of stock read (dry run: nothing is changed), 1 added, 2 refused" in ended.out
    assert ended.err.splitlines() == [
        "the server refused 2 rows:",
        "  row 3: LOCATION_NOT_FOUND no location 'nowhere'",
        "  row 4: SKU_NOT_FOUND no SKU 'NO'",
    ]
    assert json.loads(await stocked.ok("stock", "A-1", "--location", "L2", "--json"))["levels"] == []


async def test_a_stock_file_with_a_refused_row_adds_nothing_and_can_be_mended(stocked: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "more.csv", "sku,location,quantity", "A-1,L2,5", "LATER,L2,3")
    ended = await stocked.run("import", "stock", file)
    assert (ended.code, ended.out) == (1, "")
    assert "row 3: SKU_NOT_FOUND no SKU 'LATER'" in ended.err
    assert "nothing was added" in ended.err
    assert json.loads(await stocked.ok("stock", "A-1", "--location", "L2", "--json"))["levels"] == []
    await stocked.ok("import", "skus", write(tmp_path / "later.csv", "sku", "LATER"))
    assert "2 rows of stock read, 2 added" in await stocked.ok("import", "stock", file)


async def test_refused_rows_are_named_and_when_wanted_the_others_take_effect(stocked: Cli, tmp_path: Path) -> None:
    rows = [f"NO-{number},L2,1" for number in range(30)]
    file = write(tmp_path / "more.csv", "sku,location,quantity", "A-1,L2,5", *rows)
    ended = await stocked.run("import", "stock", file, "--partial")
    assert ended.code == 1
    assert "31 rows of stock read, 1 added, 30 refused" in ended.out
    lines = ended.err.splitlines()
    assert lines[1] == "  row 3: SKU_NOT_FOUND no SKU 'NO-0'"
    assert (len(lines), lines[-1]) == (22, "  … and 10 more")


async def test_a_bad_file_sends_nothing(stocked: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "bad.csv", "sku,location,quantity", "A-1,L2,5", "A-1,L2,1.5")
    ended = await stocked.run("import", "stock", file)
    assert (ended.code, ended.out) == (1, "")
    assert "row 3, column quantity: NOT_AN_INTEGER '1.5' is not a whole number" in ended.err
    assert json.loads(await stocked.ok("stock", "A-1", "--location", "L2", "--json"))["levels"] == []


async def test_stock_is_shown_in_the_unit_of_the_sku(stocked: Cli) -> None:
    shown = await stocked.ok("stock", "@B")
    assert "1.250 kg" in shown
    assert "0.009 kg" in shown
    assert "damaged +0.007" in shown
    assert "A-1" in await stocked.ok("stock", "4006381333931")  # by barcode


async def test_what_does_not_exist_is_one_line(stocked: Cli) -> None:
    assert await stocked.run("stock", "nope") == Ended(1, "", "SKU_NOT_FOUND: no SKU 'nope'\n")
    assert await stocked.run("stock", "A-1", "--location", "x") == Ended(1, "", "LOCATION_NOT_FOUND: no location 'x'\n")


@pytest.mark.parametrize(
    "arguments",
    [("health",), ("stock", "A"), ("watch",), ("export", "skus"), ("bench",), ("import", "skus", "FILE")],
)
async def test_no_server_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = write(tmp_path / "skus.csv", "sku", "A")
    given = [file if argument == "FILE" else argument for argument in arguments]
    ended = await Cli("127.0.0.1:1", "").run(*given)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith(("no server answers at 127.0.0.1:1: start one", "the same command"))
    assert len(ended.err.splitlines()) <= 1 + (arguments[0] == "import")


async def test_health_of_a_serving_server_is_0(cli: Cli) -> None:
    assert await cli.ok("health") == "SERVING\n"


async def test_bench_gives_back_what_it_held(cli: Cli) -> None:
    shown = await cli.ok("bench", "--seconds", "0.3", "--in-flight", "8", "--skus", "3")
    assert "reservations/s" in shown
    assert "p99" in shown
    assert await cli.ok("export", "stock") == "sku,location,quantity,disposition,lot,expires_on\n"
    verified = json.loads(await cli.ok("verify", "--json"))
    assert verified["ok"]


async def test_bench_refuses_a_server_elsewhere(cli: Cli) -> None:
    ended = await cli.run("bench", "--server", "192.0.2.1:50051")
    assert (ended.code, "only servers on this machine" in ended.err) == (1, True)


async def test_watch_prints_a_line_for_each_movement(stocked: Cli) -> None:
    watching = await stocked.spawn("watch", "--after", "0", "--sku", "A-1")
    line = (await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S)).decode()
    assert "adjustment A-1 @ +L1: on_hand +10; on_hand 10, held 0, allocated 0, available 10" in line
    async with grpc.aio.insecure_channel(stocked.address) as channel:
        await ReservationServiceStub(channel).Reserve(
            reservation_pb2.ReserveRequest(
                request_id=UUID.format(1),
                lines=[core_pb2.LineQuantity(sku="A-1", location="+L1", quantity=2)],
                allocate=True,
            )
        )
    line = (await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S)).decode()
    assert "allocation A-1 @ +L1: allocated +2; on_hand 10, held 0, allocated 2, available 8" in line
    watching.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(watching.communicate(), TIMEOUT_S)
    assert (watching.returncode, out, err) == (0, b"", b"")


async def test_watch_goes_on_at_its_cursor_when_the_server_comes_back(dsn: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        cli = Cli(address, dsn)
        await cli.ok("import", "skus", write(tmp_path / "skus.csv", "sku", "A"))
        await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "L"))
        await cli.ok("import", "stock", write(tmp_path / "one.csv", "sku,location,quantity", "A,L,1"))
        watching = await cli.spawn("watch", "--after", "0", "--json")
        first = json.loads(await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S))
    async with AsyncExitStack() as stack:
        await start(Settings(listen=address), dsn, stack)
        await cli.ok("import", "stock", write(tmp_path / "two.csv", "sku,location,quantity", "A,L,2"))
        second = json.loads(await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S))
        watching.send_signal(signal.SIGINT)
        await asyncio.wait_for(watching.communicate(), TIMEOUT_S)
    assert [(row["revision"], row["after"]["on_hand"]) for row in (first, second)] == [(3, 1), (4, 3)]


async def test_watch_ends_quietly_when_its_reader_has_had_enough(stocked: Cli) -> None:
    watching = await stocked.spawn("watch", "--after", "0")
    await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S)
    watching.stop_reading()
    err = await asyncio.wait_for(watching.stderr.read(), TIMEOUT_S)
    assert (await watching.wait(), err) == (0, b"")


def test_every_command_teaches_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    commands = ["serve", "migrate", "verify", "health", "stock", "watch", "bench", "demo"]
    commands += [f"{group} {noun}" for group in ("import", "export") for noun in ("skus", "locations", "stock")]
    for command in commands:
        assert run([*command.split(), "--help"]) == 0
        assert f"inventory {command}" in capsys.readouterr().out.split("Example:", 1)[1], command
    assert run(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(command.split()[0] in overview for command in commands)


async def test_channels_are_set_shown_and_listed(stocked: Cli) -> None:
    shown = await stocked.ok("channel", "set", "amazon", "--kind", "marketplace", "--location", "L2",
                             "--location", "+L1", "--buffer", "0", "--oversell", "7", "--json")  # fmt: skip
    assert json.loads(shown) == {
        "channel": "amazon", "name": "amazon", "kind": "marketplace", "locations": ["L2", "+L1"],
        "buffer": 0, "cap": None, "share_bp": None, "oversell": 7, "min_life_days": 0,
        "silent_after_s": None, "stop_selling_when_silent": False, "selling_stopped": False,
    }  # fmt: skip
    changed = json.loads(
        await stocked.ok("channel", "set", "amazon", "--buffer", "none", "--oversell", "deny", "--cap", "3", "--json")
    )
    assert changed == {**json.loads(shown), "buffer": None, "oversell": "deny", "cap": 3}, "the rest is kept"
    assert json.loads(await stocked.ok("channel", "show", "amazon", "--json")) == changed
    tried = await stocked.ok("channel", "set", "amazon", "--everywhere", "--dry-run")
    assert "everywhere" in tried
    assert json.loads(await stocked.ok("channel", "show", "amazon", "--json")) == changed
    listed = json.loads(await stocked.ok("channel", "list", "--json"))
    assert [each["channel"] for each in listed] == ["amazon", "default"]
    table = await stocked.ok("channel", "list")
    assert "L2, +L1" in table
    assert "everywhere" in table


async def test_skus_get_a_view_of_their_own(stocked: Cli) -> None:
    await stocked.ok("channel", "set", "amazon", "--buffer", "2")
    await stocked.ok("channel", "skus", "amazon", "A-1", "@B", "--buffer", "0", "--share-bp", "5000")
    rows = json.loads(await stocked.ok("channel", "skus", "amazon", "A-1", "--share-bp", "none", "--json"))
    assert rows == [{"sku": "A-1", "buffer": 0, "cap": None, "share_bp": None, "oversell": None}]
    await stocked.ok("channel", "skus", "amazon", "@B", "--buffer", "none", "--share-bp", "none")
    assert [row["sku"] for row in json.loads(await stocked.ok("channel", "skus", "amazon", "--json"))] == ["A-1"]
    assert "A-1" in await stocked.ok("channel", "skus", "amazon")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nobody"), "CHANNEL_NOT_FOUND: no channel 'nobody'"),
        (("set", "amazon", "--location", "nowhere"), "LOCATION_NOT_FOUND: no location 'nowhere'"),
        (("set", "amazon", "--buffer", "-1"), "--buffer: buffer is 0 to 1000000000, or none"),
        (("set", "amazon", "--share-bp", "1.5"), "--share-bp: '1.5' is not a whole number, or none"),
        (("set", "amazon", "--oversell", "0"), "--oversell: oversell is 1 to 1000000000, deny or allow, or none"),
        (("set", "amazon", "--kind", "shop"), "--kind is one of web, pos, telephone, marketplace"),
        (("set", "amazon", "--everywhere", "--location", "L2"), "say --location or --everywhere, not both"),
        (("set", "AMAZON"), "CHANNEL_FORMAT: a channel code is 1 to 32 of a-z, 0-9, - and _"),
        (("skus", "amazon", "--cap", "1"), "say which SKUs, or use `inventory channel set` for the channel as a whole"),
        (("skus", "default", "NO", "--cap", "1"), "SKU_NOT_FOUND: no SKU 'NO'"),
    ],
)
async def test_what_a_channel_command_can_not_do_is_said_in_a_line(
    stocked: Cli, arguments: tuple[str, ...], said: str
) -> None:
    ended = await stocked.run("channel", *arguments)
    assert (ended.code, ended.out, ended.err) == (1, "", f"{said}\n")


async def test_channels_that_were_exported_are_imported_elsewhere_the_same(
    stocked: Cli, empty_dsn: str, tmp_path: Path
) -> None:
    await stocked.ok("import", "locations", write(tmp_path / "more.csv", "location", "room 7", "[x"))
    channels = write(
        tmp_path / "channels.csv",
        "channel,name,kind,locations,buffer,cap,share_bp,oversell,min_life_days,silent_after_s,stop_selling_when_silent",
        'amazon,"=1+1",marketplace,L2 +L1,0,,2500,allow,30,90.5,yes',
        'shop,,pos,"[""room 7"", ""[x""]",,0,,deny,,3600,',
        "web,,,,,,,7,0,,",
        "bad,,,nowhere,,,,,,,",
    )
    ended = await stocked.run("import", "channels", channels)
    assert "4 rows of channels read, 3 set, 0 unchanged, 1 refused" in ended.out
    assert "row 5: LOCATION_NOT_FOUND no location 'nowhere'" in ended.err
    assert "3 accepted, 1 refused" in (await stocked.run("import", "channels", channels, "--dry-run")).out
    assert "0 set, 3 unchanged" in (await stocked.run("import", "channels", channels)).out
    overrides = write(
        tmp_path / "overrides.csv",
        "channel,sku,buffer,cap,share_bp,oversell",
        "amazon,A-1,0,5,,", "web,A-1,,,0,allow", "amazon,@B,,,,", "nobody,A-1,1,,,", "web,NO,1,,,",
    )  # fmt: skip
    ended = await stocked.run("import", "channel-skus", overrides)
    assert "5 rows of channel SKUs read, 2 updated, 1 unchanged, 2 refused" in ended.out
    assert "row 5: CHANNEL_NOT_FOUND no channel 'nobody'" in ended.err
    assert "row 6: SKU_NOT_FOUND no SKU 'NO'" in ended.err

    nouns = ("skus", "locations", "channels", "channel-skus")
    before = {noun: await stocked.ok("export", noun) for noun in nouns}
    assert before["channel-skus"] == ("channel,sku,buffer,cap,share_bp,oversell\namazon,A-1,0,5,,\nweb,A-1,,,0,allow\n")
    async with AsyncExitStack() as stack:
        other = Cli(await start(Settings(listen="127.0.0.1:0"), empty_dsn, stack), empty_dsn)
        for noun in nouns:
            path = tmp_path / f"{noun}.copy.csv"
            path.write_text(before[noun], "utf-8")
            await other.ok("import", noun, str(path))
        assert {noun: await other.ok("export", noun) for noun in nouns} == before


@pytest.mark.parametrize("json_wanted", [False, True])
async def test_watch_tells_of_channels_too_unless_stock_is_picked(
    stocked: Cli, tmp_path: Path, json_wanted: bool
) -> None:
    await stocked.ok("channel", "set", "amazon", "--location", "L2", "--buffer", "0")
    options = ("--json",) if json_wanted else ()
    watching = await stocked.spawn("watch", "--after", "0", *options)
    lines = [(await asyncio.wait_for(watching.stdout.readline(), TIMEOUT_S)).decode() for _ in range(5)]
    watching.send_signal(signal.SIGINT)
    await asyncio.wait_for(watching.communicate(), TIMEOUT_S)
    if json_wanted:
        told = json.loads(lines[-1])
        assert (told["kind"], told["settings"]["channel"], told["settings"]["buffer"]) == ("CHANNEL", "amazon", 0)
    else:
        assert lines[-1].endswith("channel amazon: sells from L2, buffer 0\n")

    picky = await stocked.spawn("watch", "--after", "0", "--location", "L2", *options)
    await stocked.ok("import", "stock", write(tmp_path / "one.csv", "sku,location,quantity", "A-1,L2,77"))
    lines = [(await asyncio.wait_for(picky.stdout.readline(), TIMEOUT_S)).decode() for _ in range(3)]
    picky.send_signal(signal.SIGINT)
    await asyncio.wait_for(picky.communicate(), TIMEOUT_S)
    assert "77" in lines[-1]


async def test_the_thresholds_that_are_named_are_set_and_the_others_stay(stocked: Cli) -> None:
    at = ("thresholds", "A-1", "+L1")
    assert "safety stock none, reorder point none, backorder limit none" in await stocked.ok(*at)
    await stocked.ok(*at, "--safety-stock", "3", "--reorder-point", "0")
    said = await stocked.ok("thresholds", "4006381333931", "+L1", "--safety-stock", "none", "--backorder-limit", "7")
    assert said == "A-1 at +L1: safety stock none, reorder point 0, backorder limit 7\n"
    found = json.loads(await stocked.ok(*at, "--json"))
    assert (found["safety_stock"], found["reorder_point"], found["backorder_limit"]) == (None, 0, 7)
    for wrong in ("-1", "many", "1.5"):
        ended = await stocked.run(*at, f"--safety-stock={wrong}")
        assert (ended.code, "--safety-stock is a whole number" in ended.err) == (1, True)
    assert "QUANTITY_OUT_OF_RANGE" in (await stocked.run(*at, "--reorder-point", "9" * 30)).err


async def test_a_subscriber_is_registered_listed_and_removed(cli: Cli) -> None:
    said = await cli.ok("subscribers", "register", "erp", "--lag-seconds", "60", "--channel", "web")
    assert "subscriber erp of channel web goes on after revision 0; lagging beyond 60 s; " in said
    assert "for 24 h" in said
    again = ("--lag-changes", "1000", "--deadline-hours", "168", "--channel", "web", "--json")
    row = json.loads(await cli.ok("subscribers", "register", "erp", *again))
    assert (row["lag_changes_max"], row["lag_max_s"], row["deadline_s"]) == (1_000, None, 604_800.0)
    assert "1,000 changes" in await cli.ok("subscribers")
    assert (await cli.run("subscribers", "remove", "erp", "--channel", "shop")).code == 1
    assert await cli.ok("subscribers", "remove", "erp", "--channel", "web") == "removed erp\n"
    assert "nobody is registered" in await cli.ok("subscribers")
    far = await cli.run("subscribers", "register", "erp", "--deadline-hours", "1e300", "--channel", "web")
    assert (far.code, "--deadline-hours" in far.err) == (1, True)
