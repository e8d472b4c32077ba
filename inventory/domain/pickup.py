"""Collection by the customer: what the pick-up place has, and what others send there by transfers of their own."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from inventory.domain.goods import SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.limits import SOURCES_MAX
from inventory.domain.promise import promise
from inventory.domain.refusal import too_many_sources
from inventory.domain.reservation import Reservation, Reserve
from inventory.domain.topology import Site, Topology, Use
from inventory.domain.transfer import Transfer, TransferLine, TransferState, expected, save

_COUNTED = (1 << 62) - 1
"""The bits of a UUID that may be counted on: version and variant stand above them."""


def stages(topology: Topology, command: Reserve) -> tuple[tuple[Site, ...], ...]:
    """The places to take from, those of one stage after those of another: those that the channel sells from; for a
    pick-up the place itself, and then, by transfer, those that may serve orders from afar. None: no such place."""
    if command.pickup is None:
        use = command.purpose or topology.channel(command.channel_id).use
        return (topology.selling(command.channel_id, use),)
    here = topology.by_code.get(command.pickup.location)
    if here is None:
        return ()
    if not command.pickup.by_transfer:
        return ((here,),)
    others = topology.selling(command.channel_id, Use.ONLINE)
    return (here,), tuple(site for site in others if site.location_id != here.location_id)


def viewed(topology: Topology, command: Reserve) -> tuple[Site, ...]:
    """The places whose stock the channel's view is of."""
    use = command.purpose or topology.channel(command.channel_id).use
    sites = dict.fromkeys(topology.selling(command.channel_id, use))
    if command.pickup is not None and command.pickup.by_transfer:
        sites.update(dict.fromkeys(topology.selling(command.channel_id, Use.ONLINE)))
    return tuple(sites)


def location_ids(topology: Topology, command: Reserve) -> tuple[int, ...]:
    """All that a command may come from, or must look at: where a channel has a limit for back-orders of its own it is
    counted over all places."""
    if topology.channel(command.channel_id).counts_everywhere:
        return tuple(topology.sites)
    if command.pickup is None:
        return topology.selling_ids(command.channel_id, command.purpose or topology.channel(command.channel_id).use)
    sites = [site for stage in stages(topology, command) for site in stage]
    if topology.channel(command.channel_id).restricted:
        sites += viewed(topology, command)
    return tuple(dict.fromkeys(site.location_id for site in sites))


def spreads(topology: Topology, command: Reserve) -> dict[str, tuple[int, ...]]:
    """The SKUs that may come from several places, and the numbers of those."""
    restricted = topology.restricts(command.channel_id)
    skus = dict.fromkeys(ask.sku for ask in command.asks if restricted or not ask.location)
    return dict.fromkeys(skus, location_ids(topology, command)) if skus else {}


def sources(found: Mapping[str, tuple[int, ...]]) -> int:
    """How many levels that makes; a bundle counts as one SKU."""
    return len(found) * len(next(iter(found.values()))) if found else 0


def check_sources(topology: Topology, command: Reserve) -> None:
    """Raises TOO_MANY_LINES."""
    found = sources(spreads(topology, command))
    if found > SOURCES_MAX:
        raise too_many_sources(found, SOURCES_MAX, "lines")


def arranged(ledger: Ledger, reservation: Reservation) -> Reservation:
    """The new reservation with what brings its goods to the pick-up place, and the time from which they are there;
    None while something is back-ordered."""
    pickup_id = reservation.pickup_location_id
    assert pickup_id is not None
    return reservation._replace(
        transfer_ids=_planned(ledger, reservation, pickup_id), ready_at=_ready_at(ledger, reservation, pickup_id)
    )


def _planned(ledger: Ledger, reservation: Reservation, pickup_id: int) -> tuple[UUID, ...]:
    wanted: dict[int, dict[tuple[int, int], int]] = {}
    for line in reservation.lines:
        quantity = line.held + line.allocated
        if quantity and line.location_id != pickup_id:
            if ledger.place_at((line.sku_id, line.location_id)).kind == SkuKind.VIRTUAL:
                continue
            rows = wanted.setdefault(line.location_id, {})
            rows[(line.sku_id, line.lot_id)] = rows.get((line.sku_id, line.lot_id), 0) + quantity
    transfer_ids = []
    for number, (location_id, rows) in enumerate(wanted.items(), start=1):
        transfer_ids.append(_counted(reservation.reservation_id, number))
        transfer = Transfer(
            transfer_ids[-1],
            reservation.channel_id,
            location_id,
            pickup_id,
            TransferState.PLANNED,
            reservation.reservation_id,
            reservation.reference,
            "",
            ledger.now,
            None,
            None,
            expected(ledger, location_id, at_once=False),
            tuple(TransferLine(*row, quantity) for row, quantity in rows.items()),
        )
        save(ledger, transfer)
    return tuple(transfer_ids)


def _counted(base: UUID, number: int) -> UUID:
    """An identity that follows from another, as new as that."""
    return UUID(int=base.int & ~_COUNTED | (base.int + number) & _COUNTED)


def _ready_at(ledger: Ledger, reservation: Reservation, pickup_id: int) -> datetime | None:
    if any(line.backordered for line in reservation.lines):
        return None
    sites = ledger.topology.sites
    places = dict.fromkeys(line.location_id for line in reservation.lines if line.live)
    return promise([(sites[location_id], 1) for location_id in places], 0, ledger.now, pickup=sites[pickup_id]).ready_at
