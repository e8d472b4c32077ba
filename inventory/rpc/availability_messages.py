"""How availability looks on the wire."""

from collections.abc import Sequence

from inventory.domain.availability import Sellable
from inventory.domain.explain import Explanation, Step
from inventory.domain.goods import Goods
from inventory.domain.ledger import Ledger
from inventory.domain.promise import Promise
from inventory.domain.reservation import Ask, Line
from inventory.postgres.availability import Shown
from inventory.rpc.formats import disposition, timestamp
from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import channel_service_pb2 as channel_pb2


def seen_message(sku: str, found: Sellable) -> channel_pb2.ChannelAvailability:
    return channel_pb2.ChannelAvailability(sku=sku, available_to_sell=found.total, backorder=found.total - found.stock)


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


def line_message(
    ledger: Ledger,
    ask: Ask,
    promised: int,
    parts: Sequence[tuple[Line, Promise]],
    promisable_from: str,
    due_in: Sequence[pb2.DueIn],
    alternatives: Sequence[pb2.Alternative],
) -> pb2.PromisedLine:
    return pb2.PromisedLine(
        sku=ask.sku,
        requested=ask.quantity,
        promised=promised,
        parts=[_part(ledger, line, found) for line, found in parts],
        due_in=due_in,
        promisable_from=promisable_from,
        alternatives=alternatives,
    )


def _part(ledger: Ledger, line: Line, found: Promise) -> pb2.PromisedPart:
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
