"""How availability looks on the wire."""

from inventory.domain.availability import Sellable
from inventory.domain.explain import Explanation, Step
from inventory.domain.goods import Goods
from inventory.domain.ledger import Ledger
from inventory.domain.promise import Promise
from inventory.domain.reservation import Line
from inventory.postgres.availability import DueRow, Shown
from inventory.rpc.formats import disposition, timestamp
from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import channel_service_pb2 as channel_pb2


def seen_message(sku: str, found: Sellable) -> channel_pb2.ChannelAvailability:
    return channel_pb2.ChannelAvailability(sku=sku, available_to_sell=found.total, backorder=found.waiting)


def explanation(
    found: Explanation, goods: Goods, shown: Shown, channel: str, revision: int
) -> pb2.ExplainAvailabilityResponse:
    return pb2.ExplainAvailabilityResponse(
        availability=seen_message(goods.sku, found.sellable),
        steps=map(_step, found.steps),
        due_in=[
            pb2.DueIn(
                location=due.location,
                due_on=due.due_on.isoformat() if due.due_on else "",
                quantity=due.quantity,
                reference=due.reference,
                sku=goods.sku,
            )
            for due in found.due
        ],
        unused=[
            pb2.UnusedPlace(location=place.location, available=place.available, why=place.why.value)
            for place in found.unused
        ],
        components=[
            pb2.ExplainedComponent(
                sku=part.sku,
                quantity=part.quantity,
                available_to_sell=part.sellable.total,
                bundles=part.bundles,
                scarcest=part.scarcest,
            )
            for part in found.components
        ],
        revision=revision,
        channel=channel,
        unit=shown.unit,
        unit_digits=shown.unit_digits,
        components_apart=found.apart,
    )


def _step(step: Step) -> pb2.ExplainStep:
    return pb2.ExplainStep(
        kind=step.kind.value,  # type: ignore[arg-type]  # the numbers are the same
        quantity=step.quantity,
        running=step.running,
        location=step.location,
        lot=step.lot,
        disposition=disposition(step.disposition) if step.disposition else None,
        reservation_id=str(step.reservation_id) if step.reservation_id else "",
        channel=step.channel,
        owner=step.owner,
        until=timestamp(step.until) if step.until else None,
        reservations=step.reservations,
        reference=step.reference,
    )


def due_in_message(ledger: Ledger, row: DueRow) -> pb2.DueIn:
    return pb2.DueIn(
        location=ledger.topology.sites[row.location_id].code,
        due_on=row.due_on.isoformat() if row.due_on else "",
        quantity=row.quantity,
        reference=row.reference,
        sku=ledger.goods_by_id[row.sku_id].sku,
    )


def part_message(ledger: Ledger, line: Line, found: Promise) -> pb2.PromisedPart:
    place = ledger.place_at((line.sku_id, line.location_id))
    leaves = [portion.leaves_at for portion in found.portions]
    arrives = found.arrives_on
    return pb2.PromisedPart(
        sku=place.sku,
        location=place.location,
        quantity=line.live,
        backordered=line.backordered,
        lot=ledger.lot_codes.get(line.lot_id, ""),
        leaves_at=timestamp(max(moment for moment in leaves if moment is not None)) if leaves and arrives else None,
        arrives_on=arrives.isoformat() if arrives else "",
        same_day=found.same_day,
    )
