"""The Prometheus text about calls, batches and the machine; and what the dashboard and the alert rules make of it."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from prometheus_client.parser import text_string_to_metric_families

from inventory.figures.histogram import NUMBERS, SECONDS
from inventory.postgres.invariants import PROMISES
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import Client, eventually, refusal, reserve_request

DEPLOY = Path(__file__).parents[2] / "deploy"
RESERVE = "ReservationService/Reserve"
# Every family of ours, with its type and the labels of its samples.
FAMILIES = {
    "inventory_build_info": ("gauge", {"version"}),
    "inventory_serving": ("gauge", set[str]()),
    "inventory_database_up": ("gauge", set[str]()),
    "inventory_feed_head_revision": ("gauge", set[str]()),
    "inventory_feed_oldest_revision": ("gauge", set[str]()),
    "inventory_feed_behind_revisions": ("gauge", set[str]()),
    "inventory_call_seconds": ("histogram", {"method", "code", "le"}),
    "inventory_channel_calls": ("counter", {"channel", "code"}),
    "inventory_streams_ended": ("counter", {"method", "code"}),
    "inventory_streams_open": ("gauge", {"kind", "channel"}),
    "inventory_unknown_calls": ("counter", set[str]()),
    "inventory_log_lines_left_out": ("counter", set[str]()),
    "inventory_calls_open": ("gauge", set[str]()),
    "inventory_batches": ("counter", set[str]()),
    "inventory_commands": ("counter", set[str]()),
    "inventory_batches_again": ("counter", {"why"}),
    "inventory_queue_commands": ("gauge", set[str]()),
    "inventory_lane_stuck_seconds": ("gauge", set[str]()),
    "inventory_batch_commands": ("histogram", {"le"}),
    "inventory_lane_wait_seconds": ("histogram", {"le"}),
    "inventory_batch_step_seconds": ("histogram", {"step", "le"}),
    "inventory_pool_connections": ("gauge", {"pool", "state"}),
    "inventory_pool_connections_max": ("gauge", {"pool"}),
    "inventory_pool_waiting": ("gauge", {"pool"}),
    "inventory_loop_lag_seconds": ("histogram", {"le"}),
    "inventory_subscriber_lag_changes": ("gauge", {"channel", "name"}),
    "inventory_subscriber_lag_seconds": ("gauge", {"channel", "name"}),
    "inventory_subscribers": ("gauge", {"state"}),
    "inventory_credentials_refused": ("counter", {"reason"}),
    "inventory_calls_limited": ("counter", {"channel"}),
    "inventory_invariant_checks": ("counter", {"promise", "result"}),
    "inventory_alarms_open": ("gauge", {"kind", "severity"}),
    "inventory_credential_expires_seconds": ("gauge", {"kind", "channel", "key_id"}),
}


class Scrape(NamedTuple):
    """One look: families by name, and samples by name and labels."""

    families: dict[str, Any]
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, /, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str, /, **labels: str) -> float:
        """Of all samples that have these labels."""
        wanted = set(labels.items())
        return sum(value for (known, found), value in self.samples.items() if known == name and wanted <= found)


class Scraped:
    """A server in this process, and its metrics."""

    def __init__(self, client: Client, port: int) -> None:
        self.client = client
        self._port = port

    async def look(self) -> Scrape:
        text = await asyncio.to_thread(self.text)
        families = {family.name: family for family in text_string_to_metric_families(text)}
        return Scrape(
            families,
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in families.values()
                for sample in family.samples
            },
        )

    def text(self) -> str:
        with urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            return str(answer.read(), "utf-8")


@pytest.fixture
async def scraped(dsn: str) -> AsyncIterator[Scraped]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", metrics=f"127.0.0.1:{port}"), dsn, stack)
        client = Client(address)
        stack.push_async_callback(client.close)
        yield Scraped(client, port)


async def test_names_types_and_labels_are_the_documented_ones(scraped: Scraped) -> None:
    sku, location = await scraped.client.stocked(10)
    await scraped.client.hold((sku, location, 1))
    found = await scraped.look()
    ours = {name: family for name, family in found.families.items() if name.startswith("inventory_")}
    assert {name: family.type for name, family in ours.items()} == {name: kind for name, (kind, _) in FAMILIES.items()}
    for name, family in ours.items():
        assert family.documentation.endswith("."), name
        for sample in family.samples:
            assert set(sample.labels) in (FAMILIES[name][1], FAMILIES[name][1] - {"le"}), sample


async def test_calls_are_counted_by_method_and_code(scraped: Scraped) -> None:
    client = scraped.client
    sku, location = await client.stocked(3)
    before = await scraped.look()
    for _ in range(2):
        await client.hold((sku, location, 1))
    assert (await refusal(client.reserve((sku, location, 5)))).reason == "INSUFFICIENT_STOCK"
    with pytest.raises(grpc.aio.AioRpcError):
        await client.raw("ReservationService/Reserve", b"\xff")
    with pytest.raises(grpc.aio.AioRpcError):
        await client.raw("ReservationService/Borrow", b"")
    after = await scraped.look()
    counted = {
        code: after.value("inventory_call_seconds_count", method=RESERVE, code=code)
        for code in ("OK", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "INTERNAL")
    }
    assert counted == {"OK": 2, "FAILED_PRECONDITION": 1, "INVALID_ARGUMENT": 1, "INTERNAL": 0}
    for code in ("OK", "FAILED_PRECONDITION"):
        assert after.value("inventory_call_seconds_bucket", method=RESERVE, code=code, le="+Inf") == counted[code]
    assert 0 < after.value("inventory_call_seconds_sum", method=RESERVE, code="OK") < 30
    assert after.value("inventory_unknown_calls_total") == 1
    calls = [look.value("inventory_channel_calls_total", channel="default", code="OK") for look in (before, after)]
    assert calls[1] - calls[0] == 2
    assert after.value("inventory_channel_calls_total", channel="default", code="FAILED_PRECONDITION") == 1


async def test_a_call_that_its_caller_gives_up_is_counted_as_what_it_was(scraped: Scraped) -> None:
    client = scraped.client
    sku, location = await client.stocked(3)
    with pytest.raises(grpc.aio.AioRpcError):
        await client.reservations.Reserve(reserve_request((sku, location, 1)), timeout=0.0001)
    call = client.watch.Watch(watch_pb2.WatchRequest(now=Empty()))
    await call.read()
    call.cancel()

    async def ended() -> bool:
        return (await scraped.look()).value(
            "inventory_streams_ended_total", method="WatchService/Watch", code="CANCELLED"
        ) == 1

    await eventually(ended, "the stream's end is counted")
    found = await scraped.look()
    codes = {
        dict(labels)["code"]
        for (name, labels), number in found.samples.items()
        if number and name == "inventory_call_seconds_count" and ("method", RESERVE) in labels
    }
    assert codes <= {"DEADLINE_EXCEEDED", "CANCELLED"}, "or it never arrived"


async def test_a_batch_of_many_counts_as_many(scraped: Scraped) -> None:
    client = scraped.client
    sku, location = await client.stocked(100)
    before = await scraped.look()
    requests = [reserve_request((sku, location, 1)) for _ in range(20)]
    await client.reservations.BatchReserve(reservation_pb2.BatchReserveRequest(requests=requests))
    after = await scraped.look()

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    batches = more("inventory_batches_total")
    assert more("inventory_commands_total") == more("inventory_batch_commands_sum") == 20
    assert more("inventory_batch_commands_count") == batches
    assert more("inventory_lane_wait_seconds_count") == 20
    for step in ("look", "decide", "write", "commit"):
        assert more("inventory_batch_step_seconds_count", step=step) >= batches
        assert more("inventory_batch_step_seconds_sum", step=step) > 0
    assert after.value("inventory_lane_stuck_seconds") == 0


async def test_the_loop_the_pools_and_the_process_are_told(scraped: Scraped) -> None:
    async def looked() -> bool:
        return (await scraped.look()).value("inventory_loop_lag_seconds_count") >= 4

    await eventually(looked, "the loop's lag is sampled")
    found = await scraped.look()
    assert found.value("inventory_pool_connections_max", pool="look_ups") == 6
    assert found.total("inventory_pool_connections", pool="look_ups") >= 1
    assert found.value("inventory_pool_waiting", pool="lists") == 0
    assert found.value("process_open_fds") > 5


async def test_names_that_callers_make_up_cannot_flood_the_metrics(
    scraped: Scraped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.rpc.meter.CHANNELS_COUNTED_MAX", 5)
    sku, location = await scraped.client.stocked(1)
    request = stock_pb2.GetStockRequest(sku=sku, location=location).SerializeToString()
    for number in range(12):
        with suppress(grpc.aio.AioRpcError):
            name = f"made-up-{number}" if number % 2 else f"Made Up {number}"
            await scraped.client.raw("StockService/GetStock", request, metadata=(("inventory-channel", name),))
    found = await scraped.look()
    channels = {dict(labels)["channel"] for name, labels in found.samples if name == "inventory_channel_calls_total"}
    assert len(channels) <= 6
    assert "" in channels, "the others are counted together"
    assert not any("Made" in channel for channel in channels)
    assert found.total("inventory_channel_calls_total", channel="") >= 6


async def test_a_broken_promise_is_counted_from_nothing(scraped: Scraped) -> None:
    """Prometheus sees no increase in a counter that begins with the first one."""
    found = await scraped.look()
    broken = [dict(labels)["promise"] for _, labels in found.samples if ("result", "broken") in labels]
    assert set(broken) == PROMISES
    assert found.total("inventory_invariant_checks_total", result="broken") == 0


def expressions_of_alerts() -> Iterator[tuple[str, str]]:
    """Name and expression of each rule; the file keeps to one key a line."""
    name = ""
    for line in (DEPLOY / "prometheus-alerts.yml").read_text().splitlines():
        key, _, value = line.strip().removeprefix("- ").partition(": ")
        if key == "alert":
            name = value
        elif key == "expr":
            yield name, value


def expressions_of_dashboard() -> Iterator[tuple[str, str]]:
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


async def test_dashboard_and_alerts_name_only_metrics_and_labels_that_there_are(scraped: Scraped) -> None:
    found = await scraped.look()
    known = {"instance", "le", *(label for _, labels in FAMILIES.values() for label in labels)}
    names = {name for name, family in found.families.items() if family.type in ("gauge", "info", "unknown")}
    for name, family in found.families.items():
        names |= {
            "counter": {f"{name}_total"},
            "histogram": {f"{name}_{end}" for end in ("bucket", "sum", "count")},
        }.get(family.type, {f"{name}_info"})
    checked = 0
    for where, expression in (*expressions_of_alerts(), *expressions_of_dashboard()):
        used = set(re.findall(r"\b(?:inventory|process)_\w+", expression))
        assert used, where
        assert used <= names, f"{where}: {used - names}"
        labels = set(re.findall(r"(\w+)=~?\"", expression))
        for group in re.findall(r"by \(([^)]*)\)", expression):
            labels |= {label.strip() for label in group.split(",")}
        assert labels <= known, f"{where}: {labels - known}"
        checked += 1
    assert checked > 60


def test_every_alert_says_how_long_how_bad_and_what_it_is() -> None:
    text = (DEPLOY / "prometheus-alerts.yml").read_text()
    rules = text.split("      - alert: ")[1:]
    assert len(rules) == len(list(expressions_of_alerts())) >= 15
    assert len({rule.splitlines()[0] for rule in rules}) == len(rules)
    for rule in rules:
        keys = [line.strip().partition(":")[0] for line in rule.splitlines()[1:] if line.strip()]
        assert keys == ["expr", "for", "labels", "severity", "annotations", "summary"], rule
        assert re.search(r"severity: (critical|warning|info)\n", rule), rule
        assert re.search(r"    for: \d+[sm]\n", rule), rule
        assert re.search(r'summary: "[^"]+\."\n', rule), rule


def test_the_dashboard_has_a_place_of_its_own_for_each_panel() -> None:
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_buckets_rise() -> None:
    for bounds in (SECONDS, NUMBERS):
        assert list(bounds) == sorted(set(bounds))
