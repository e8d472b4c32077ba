"""`inventory explain`."""

import json as encoder
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inventory.cli.failure import printable
from inventory.cli.movements import amount
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.stock import find_sku
from inventory.cli.terminal import out
from inventory.domain.topology import OVERSELL_UNLIMITED
from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2

PurposeName = Literal["online", "pickup", "walk-in"]
WhoseView = Annotated[str, Parameter(env_var="INVENTORY_CHANNEL", show_default=False)]
ForWhat = Annotated[PurposeName | None, Parameter(show_default=False)]
_KIND_PREFIX = len("EXPLAIN_STEP_KIND_")
_DISPOSITION_PREFIX = len("DISPOSITION_")
_WHAT = {
    pb2.EXPLAIN_STEP_KIND_ON_HAND: "on hand",
    pb2.EXPLAIN_STEP_KIND_WAITING: "kept for back-orders that wait",
    pb2.EXPLAIN_STEP_KIND_SHORT_LIVED: "expired, or soon will be",
    pb2.EXPLAIN_STEP_KIND_BUFFER: "the channel's buffer",
    pb2.EXPLAIN_STEP_KIND_SHARE: "the others' share",
    pb2.EXPLAIN_STEP_KIND_CAP: "over the channel's cap",
    pb2.EXPLAIN_STEP_KIND_BACKORDER: "may be back-ordered",
    pb2.EXPLAIN_STEP_KIND_VIRTUAL: "never short",
    pb2.EXPLAIN_STEP_KIND_INACTIVE: "the SKU is not active",
    pb2.EXPLAIN_STEP_KIND_SILENT: "the channel is silent: it sells nothing",
}


def explain(
    sku: str,
    /,
    *,
    channel: WhoseView = "",
    purpose: ForWhat = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Explain why a channel may sell so much of a SKU: from what is on the shelves to what it may sell, in steps that
    add up. Below stands what isn't counted: what is due in, and what lies where the channel doesn't sell from.

    Example: inventory explain S-000017 --channel web

    Example: inventory explain S-000017 --channel web --purpose pickup --json

    Parameters
    ----------
    sku
        The SKU's code, or one of its barcodes.
    channel
        Whose view. Default: the token's channel; in development, the server's default channel.
    purpose
        What it would be sold for. Default: what the channel is for.
    """
    from inventory.cli.connection import run

    found, why = run(_read(sku, channel, purpose, server))
    if json:
        print(encoder.dumps(_document(why), ensure_ascii=False, indent=2))
    else:
        out().print(Group(*_shown(found, why)))
    return 0


async def _read(
    code: str, channel: str, purpose: PurposeName | None, server: Server
) -> tuple[catalog_pb2.Sku, pb2.ExplainAvailabilityResponse]:
    from inventory.cli.connection import connect
    from inventory_client import Purpose

    use = Purpose[purpose.replace("-", "_").upper()] if purpose else None
    async with connect(server) as client:
        sku = await find_sku(client, code)
        return sku, await client.explain_availability(sku.sku, channel=channel, purpose=use)


def _shown(sku: catalog_pb2.Sku, why: pb2.ExplainAvailabilityResponse) -> Iterator[RenderableType]:
    yield _steps(sku, why)
    if why.components:
        yield _components(why)
    if why.components_apart:
        yield Text(f"{why.components_apart:,} more could be made if all components stood at one place.")
    if why.due_in:
        yield _due_in(why)
    if why.unused:
        yield _unused(why)


def _steps(sku: catalog_pb2.Sku, why: pb2.ExplainAvailabilityResponse) -> Table:
    name = f" {sku.name}" if sku.name != sku.sku else ""
    may_sell = _amount(why.availability.available_to_sell, why)
    table = Table(
        title=Text(printable(f"{sku.sku}{name} (in {sku.unit}): {why.channel} may sell {may_sell}")),
        title_justify="left",
        show_footer=True,
    )
    lots = any(step.lot for step in why.steps)
    table.add_column("place", overflow="fold")
    if lots:
        table.add_column("lot", overflow="fold")
    table.add_column("what", footer=f"{why.channel} may sell")
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("running", justify="right", no_wrap=True, footer=may_sell)
    for step in why.steps:
        table.add_row(
            Text(printable(step.location)),
            *([Text(printable(step.lot))] if lots else []),
            Text(_what(step)),
            _amount(step.quantity, why),
            _amount(step.running, why),
        )
    return table


def _what(step: pb2.ExplainStep) -> str:
    match step.kind:
        case pb2.EXPLAIN_STEP_KIND_UNSELLABLE:
            return core_pb2.Disposition.Name(step.disposition)[_DISPOSITION_PREFIX:].lower().replace("_", " ")
        case pb2.EXPLAIN_STEP_KIND_HELD:
            return _claimed("held", step)
        case pb2.EXPLAIN_STEP_KIND_ALLOCATED:
            return _claimed("allocated", step)
        case pb2.EXPLAIN_STEP_KIND_COMPONENTS if step.quantity < 0:
            return "more than may be sold of a component"
        case pb2.EXPLAIN_STEP_KIND_COMPONENTS:
            return "bundles from what stands there" if step.location else "bundles from what stands anywhere"
        case _:
            return _WHAT.get(step.kind, str(step.kind))


def _claimed(how: str, step: pb2.ExplainStep) -> str:
    """How, by whom, until when, and for which order."""
    if not step.reservation_id:
        return f"{how} by {step.reservations:,} others"
    by = f"{step.owner} of {step.channel}" if step.owner else step.channel
    until = f" until {_clock(step.until.ToDatetime())}" if step.HasField("until") else ""
    reference = f" for {step.reference}" if step.reference else ""
    return printable(f"{how} by {by}{until}{reference}")


def _clock(moment: datetime) -> str:
    """UTC; the date only when it is another day."""
    today = datetime.now(UTC).date()
    return f"{moment:%H:%M}Z" if moment.date() == today else f"{moment:%-d %b %H:%M}Z"


def _components(why: pb2.ExplainAvailabilityResponse) -> Table:
    table = Table(title="What one is made of", title_justify="left")
    table.add_column("SKU", no_wrap=True)
    for column in ("one takes", "may be sold", "makes"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for part in why.components:
        table.add_row(
            Text(printable(part.sku)),
            f"{part.quantity:,}",
            _number(part.available_to_sell),
            _number(part.bundles),
            "the scarcest" if part.scarcest else "",
        )
    return table


def _due_in(why: pb2.ExplainAvailabilityResponse) -> Table:
    table = Table(title="Due in, not counted", title_justify="left")
    table.add_column("place", overflow="fold")
    table.add_column("on", no_wrap=True)
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("reference", overflow="fold")
    for due in why.due_in:
        table.add_row(
            Text(printable(due.location)),
            due.due_on or "not known",
            _amount(due.quantity, why),
            Text(printable(due.reference)),
        )
    return table


def _unused(why: pb2.ExplainAvailabilityResponse) -> Table:
    table = Table(title="Elsewhere, not counted", title_justify="left")
    table.add_column("place", overflow="fold")
    table.add_column("available", justify="right", no_wrap=True)
    table.add_column("why not")
    for place in why.unused:
        table.add_row(Text(printable(place.location)), _amount(place.available, why), place.why)
    return table


def _amount(quantity: int, why: pb2.ExplainAvailabilityResponse) -> str:
    if quantity == OVERSELL_UNLIMITED:
        return "unlimited"
    return amount(quantity, why.unit_digits, why.unit)


def _number(quantity: int) -> str:
    return "unlimited" if quantity == OVERSELL_UNLIMITED else f"{quantity:,}"


def _document(why: pb2.ExplainAvailabilityResponse) -> dict[str, Any]:
    return {
        "sku": why.availability.sku,
        "channel": why.channel,
        "unit": why.unit,
        "unit_digits": why.unit_digits,
        "available_to_sell": why.availability.available_to_sell,
        "backorder": why.availability.backorder,
        "steps": [_step_json(step) for step in why.steps],
        "due_in": [due_in_json(due) for due in why.due_in],
        "unused": [
            {"location": place.location, "available": place.available, "why": place.why} for place in why.unused
        ],
        "components": [
            {
                "sku": part.sku,
                "quantity": part.quantity,
                "available_to_sell": part.available_to_sell,
                "bundles": part.bundles,
                "scarcest": part.scarcest,
            }
            for part in why.components
        ],
        "components_apart": why.components_apart,
        "revision": why.revision,
    }


def due_in_json(due: pb2.DueIn) -> dict[str, Any]:
    return {
        "sku": due.sku,
        "location": due.location,
        "due_on": due.due_on,
        "quantity": due.quantity,
        "reference": due.reference,
    }


def _step_json(step: pb2.ExplainStep) -> dict[str, Any]:
    disposition = core_pb2.Disposition.Name(step.disposition)[_DISPOSITION_PREFIX:] if step.disposition else ""
    return {
        "kind": pb2.ExplainStepKind.Name(step.kind)[_KIND_PREFIX:],
        "quantity": step.quantity,
        "running": step.running,
        "location": step.location,
        "lot": step.lot,
        "disposition": disposition,
        "reservation_id": step.reservation_id,
        "channel": step.channel,
        "owner": step.owner,
        "until": step.until.ToJsonString() if step.HasField("until") else None,
        "reservations": step.reservations,
        "reference": step.reference,
    }
