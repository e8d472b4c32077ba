"""What the demo says at the end: one table for people, or the same as JSON."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from inventory_demo.replay import Result
from inventory_demo.sales import Replay
from inventory_demo.verdict import oversold_pieces

TOP_SKUS = 5
PIPE_COLUMNS = 100
PARCELS_SHOWN_MAX = 4


def summary(result: Result) -> dict[str, Any]:
    """Everything, ready for JSON. Quantities of fuel are in thousandths of a gallon."""
    journey, evidence = result.journey, result.evidence
    sales, doubter = evidence.sales, evidence.watched.doubter
    fuel = {result.names.sku(product.code) for product in journey.products if product.unit == "gal"}
    names = {result.names.sku(product.code): product.name for product in journey.products}
    bundles = {bundle.sku: bundle.name for view in evidence.views.values() for bundle in view.rule.bundles}
    names |= bundles
    sold = {key: quantity for key, quantity in sales.fulfilled.items() if key[0] not in fuel}
    replay_s = result.seconds["replay"]
    return {
        "passed": result.passed,
        "baskets": sales.baskets,
        "lines": sales.lines_asked,
        "lines_fulfilled": sales.lines_fulfilled,
        "shops": len(journey.locations),
        "products": len(journey.products),
        "pieces": {
            "opening": sum(quantity for key, quantity in evidence.opening.items() if key[0] not in fuel),
            "sold": sum(sold.values()),
            "returned": sales.returned.total(),
            "for_sale_again": sales.restored.total(),
            "on_hand": sum(of[0] for key, of in evidence.levels.items() if key[0] not in fuel),
        },
        "fuel_sold": sum(sales.fulfilled.values()) - sum(sold.values()),
        "outcomes": dict(sales.outcomes.most_common()),
        "carts": dict(sales.carts.most_common()),
        "parcels": {str(places): orders for places, orders in sorted(sales.parcels.items())},
        "asks": sales.asks,
        "bundles": {"made": len(bundles), "sold": sales.bundles},
        "lots": {
            "levels": sum(map(len, doubter.lots.levels.values())),
            "promises": doubter.lots.promises,
            "choices": doubter.lots.choices,
        },
        "views": {
            name: {
                "looks": view.looks,
                "looks_at_bundles": view.bundle_looks,
                "too_much": len(view.more),
                "too_little": len(view.less),
                "bundles_wrong": len(view.bundles_wrong),
            }
            for name, view in evidence.views.items()
        },
        "reservations": len(sales.reservations),
        "requests": dict(sales.requests.most_common()),
        "refused": {
            "requests": sales.refusals.total(),
            "reasons": dict(sales.refusals.most_common()),
            "skus": [
                {"sku": sku, "name": names.get(sku, ""), "times": times}
                for sku, times in sales.short_skus.most_common(TOP_SKUS)
            ],
        },
        "sent_twice": {
            "requests": sales.replays[Replay.AT_ONCE] + sales.replays[Replay.LATER],
            "at_the_same_time": sales.replays[Replay.AT_ONCE],
            "later": sales.replays[Replay.LATER],
            "second_effects": sales.replays[Replay.SECOND_EFFECT],
            "other_answers": sales.replays[Replay.OTHER_ANSWER],
        },
        "retries": dict(sales.tally.retries),
        "killed": _killed(result),
        "mirrors": [
            {
                "name": mirror.order.name,
                "mode": mirror.order.mode.name.lower(),
                "shops": len(mirror.order.locations),
                "levels": len(mirror.levels),
                "reconnected": mirror.connections.reconnected,
                "snapshots": mirror.snapshots,
            }
            for mirror in evidence.mirrors
        ],
        "oversold_pieces": oversold_pieces(evidence),
        "feed": {
            "revisions": doubter.changes,
            "movements": doubter.movements,
            "from_revision": evidence.watched.start,
            "to_revision": doubter.revision,
        },
        "levels": len(evidence.levels),
        "skipped_lines": {reason: count for reason, count in journey.skipped.items() if count},
        "skipped_baskets": journey.baskets_emptied,
        "seconds": {stage: round(seconds, 2) for stage, seconds in result.seconds.items()},
        "client_cpu_seconds": {name: round(seconds, 2) for name, seconds in result.cpu_s.items()},
        "baskets_per_second": round(sales.baskets / replay_s, 1),
        "lines_per_second": round(sales.lines_asked / replay_s, 1),
        "requests_per_second": round(sales.requests.total() / replay_s, 1),
        "checks": [check._asdict() for check in result.checks],
        "left_behind": result.where,
    }


def _killed(result: Result) -> dict[str, Any] | None:
    kill, tally = result.evidence.kill, result.evidence.sales.tally
    if kill is None:
        return None
    return {
        "baskets": kill.baskets,
        "streams": kill.streams,
        "calls": kill.calls,
        "calls_broken": tally.broken[kill.address],
        "calls_answered_elsewhere": tally.moved[kill.address],
        "calls_that_had_happened": tally.replayed[kill.address],
        "seconds_frozen": round(kill.frozen_s, 3),
    }


def show(result: Result, console: Console | None = None) -> None:
    """The table and the verdict, on stdout: as wide as the terminal, whose own folding would break the columns."""
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = PIPE_COLUMNS
    console.print(_figures(summary(result)))
    console.print(_checks(result))
    failed = sum(not check.passed for check in result.checks)
    if failed:
        console.print(f"[bold red]FAILED: {failed} of {len(result.checks)} checks.[/]")
    else:
        console.print(
            f"[bold green]PASSED: {result.evidence.sales.baskets:,} baskets, nothing oversold, lost or counted "
            "twice.[/]"
        )
    if result.where:
        console.print(result.where, markup=False, soft_wrap=True)


def _figures(found: dict[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_header=False, title="A grocer's baskets", title_justify="left")
    table.add_column()
    table.add_column(overflow="fold")
    seconds = found["seconds"]
    rate = f"{found['baskets_per_second']:,.0f} baskets/s, {found['lines_per_second']:,.0f} lines/s"
    pieces, refused, twice = found["pieces"], found["refused"], found["sent_twice"]
    rows = [
        ("wall time", f"{seconds['replay']:.1f} s replay; " + _listed(seconds, ("start", "set-up", "checks", "all"))),
        ("rate", f"{rate}, {found['requests_per_second']:,.0f} requests/s"),
        ("baskets", f"{found['baskets']:,}: " + _listed(found["outcomes"])),
        ("lines", f"{found['lines']:,}; {found['lines_fulfilled']:,} fulfilled"),
        ("web carts", _listed(found["carts"])),
        ("orders sent, by parcels", _parcels(found["parcels"]) or "0"),
        ("pieces", _listed(pieces).replace("_", " ") + f"; fuel {found['fuel_sold'] / 1000:,.1f} gal"),
        ("bundles", f"{found['bundles']['made']:,} made of what is bought together, {found['bundles']['sold']:,} sold"),
        ("lots", f"{found['lots']['levels']:,}; {found['lots']['promises']:,} promises of them"),
        ("requests", _listed(found["requests"])),
        ("refused", f"{refused['requests']:,}: " + _listed(refused["reasons"])),
        ("short most often", "\n".join(f"{s['times']:,} × {s['sku']} {s['name']}" for s in refused["skus"])),
        ("sent twice on purpose", f"{twice['requests']:,}; second effects {twice['second_effects']:,}"),
        ("sent again in doubt", _listed(found["retries"]) or "0"),
        ("killed", _told(found["killed"])),
        ("feed", f"{found['feed']['revisions']:,} revisions, {found['feed']['movements']:,} movements"),
        ("input lines skipped", _listed(found["skipped_lines"]) or "0"),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def _parcels(orders: dict[str, int]) -> str:
    few = {f"{parcels}:": number for parcels, number in orders.items() if int(parcels) <= PARCELS_SHOWN_MAX}
    more = sum(orders.values()) - sum(few.values())
    return _listed(few | ({"more:": more} if more else {}))


def _told(killed: dict[str, Any] | None) -> str:
    if killed is None:
        return "nothing: the only server is not the demo's own"
    return (
        f"replica 2, with -9, at basket {killed['baskets']:,}: {killed['streams']} streams and {killed['calls']} calls "
        f"on it; replica 1 answered {killed['calls_answered_elsewhere']} of {killed['calls_broken']} broken calls"
    )


def _checks(result: Result) -> Table:
    table = Table(box=SIMPLE_HEAD, show_header=False, title="The verdict", title_justify="left")
    for _ in range(3):
        table.add_column(overflow="fold")
    for name, passed, detail in result.checks:
        table.add_row("[green]ok[/]" if passed else "[bold red]WRONG[/]", name, detail.replace("[", r"\["))
    return table


def _listed(values: dict[str, Any], names: tuple[str, ...] | None = None) -> str:
    return ", ".join(
        f"{name} {values[name]:,}" for name in (names if names is not None else tuple(values)) if name in values
    )
