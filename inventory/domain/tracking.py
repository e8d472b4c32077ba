"""What a row that moves goods must name: nothing, a lot, or single pieces."""

from collections.abc import Sequence
from datetime import date

from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.ledger import Ledger, NoLevel
from inventory.domain.level import Place
from inventory.domain.lot import Lot
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.serial import not_tracked, serials_required


def assert_stocked(place: Place) -> None:
    """Raises SKU_NOT_STOCKED: a bundle is what it is made of, and a virtual SKU is made when it is promised."""
    if place.kind in (SkuKind.BUNDLE, SkuKind.VIRTUAL):
        raise Refusal(
            Reason.SKU_NOT_STOCKED,
            f"SKU {place.sku!r} has no stock of its own",
            metadata={"sku": place.sku},
        )


def assert_named(place: Place, lot: str, serials: Sequence[str], pieces: int | None = None) -> None:
    """`pieces`: how many serial numbers must be named; None: it isn't done with what is tracked by them. Raises
    LOT_REQUIRED, LOT_CONFLICT, SERIALS_REQUIRED."""
    if place.tracking == Tracking.LOTS and not lot:
        raise Refusal(
            Reason.LOT_REQUIRED, f"SKU {place.sku!r} is tracked by lots: name one", metadata={"sku": place.sku}
        )
    if lot and place.tracking != Tracking.LOTS:
        raise Refusal(
            Reason.LOT_CONFLICT,
            f"SKU {place.sku!r} is not tracked by lots",
            metadata={"sku": place.sku, "lot": lot},
        )
    if place.tracking != Tracking.SERIALS:
        if serials:
            raise not_tracked(place.sku, serials)
    elif pieces is None:
        raise Refusal(
            Reason.SERIALS_REQUIRED,
            f"SKU {place.sku!r} is tracked by serial numbers",
            metadata={"sku": place.sku, "serials": str(len(serials))},
        )
    elif len(serials) != pieces:
        raise serials_required(place.sku, pieces, len(serials))


def known_lot(ledger: Ledger, place: Place, code: str) -> int:
    """The number of the lot that a row names, 0 for none. Raises LOT_NOT_FOUND."""
    if not code:
        return 0
    lot_id = ledger.named_lots.get((place.sku, code))
    if lot_id is None or not ledger.lots[lot_id].known:
        raise Refusal(
            Reason.LOT_NOT_FOUND,
            f"SKU {place.sku!r} has no lot {code!r}",
            metadata={"sku": place.sku, "lot": code},
            resource=("lot", code),
        )
    return lot_id


def received_lot(ledger: Ledger, place: Place, code: str, expires_on: date | None) -> Lot | None:
    """The lot that a receipt names; one that is received for the first time gets its last day here. None: none is
    named. Raises LOT_CONFLICT; `NoLevel` when the lot was never made."""
    if not code:
        return None
    lot_id = ledger.named_lots.get((place.sku, code))
    if lot_id is None:  # the SKU is tracked only since the look
        raise NoLevel(place.sku, place.location)
    lot = ledger.lots[lot_id]
    if not lot.known:
        lot = lot._replace(expires_on=expires_on, known=True)
        ledger.settle_lot(lot)
    elif expires_on not in (None, lot.expires_on):
        lasts = f"until {lot.expires_on}" if lot.expires_on else "for ever"
        raise Refusal(
            Reason.LOT_CONFLICT,
            f"lot {code!r} of SKU {place.sku!r} lasts {lasts}",
            metadata={"sku": place.sku, "lot": code, "expires_on": str(lot.expires_on or "")},
        )
    return lot


def lot_expired(sku: str, lot: Lot) -> Refusal:
    """LOT_EXPIRED."""
    return Refusal(
        Reason.LOT_EXPIRED,
        f"the last day of lot {lot.code!r} of SKU {sku!r} was {lot.expires_on}",
        metadata={"sku": sku, "lot": lot.code, "expires_on": str(lot.expires_on)},
    )
