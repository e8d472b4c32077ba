"""The catalogue: SKUs and locations, and what a command makes of them, decided on values alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import IntEnum
from typing import NamedTuple

from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.refusal import Reason, Refusal, location_not_found, sku_not_found
from inventory.domain.topology import LocationKind, Point, Use, Weekday


class Sku(NamedTuple):
    """One sellable thing. An empty unit means: unchanged, or "piece" for a new one."""

    code: str
    name: str
    category: str
    unit: str
    unit_digits: int
    barcodes: tuple[str, ...]
    active: bool
    attributes: tuple[tuple[str, str], ...]
    kind: SkuKind = SkuKind.GOODS
    tracking: Tracking = Tracking.NONE
    oversell_limit: int | None = None
    preorder_until: date | None = None
    preorder_limit: int | None = None
    from_several_places: bool = False
    units: tuple[tuple[str, int], ...] = ()
    components: tuple[tuple[str, int], ...] = ()


class Location(NamedTuple):
    """A place that holds stock. `address`: sorted names and values of what is known of it."""

    code: str
    name: str
    kind: LocationKind
    active: bool
    address: tuple[tuple[str, str], ...] = ()
    point: Point | None = None
    priority: int = 100
    handling: timedelta = timedelta(0)
    cutoff_minute: int | None = None
    working_days: Weekday = Weekday.ALL
    closed_on: tuple[date, ...] = ()
    time_zone: str = "UTC"
    uses: Use = Use.ALL
    transit_days: int = 0


class Intent(IntEnum):
    """Whether a row must be new, must exist, or may be either."""

    CREATE = 1
    UPDATE = 2
    UPSERT = 3


class ChangeCatalog(NamedTuple):
    """Create or update these; positions count SKUs first, then locations."""

    channel_id: int
    intent: Intent
    skus: tuple[Sku, ...] = ()
    locations: tuple[Location, ...] = ()
    skip_refused: bool = False


class Catalog(NamedTuple):
    """What exists of a command's codes and barcodes, under lock."""

    skus: Mapping[str, Sku]
    locations: Mapping[str, Location]
    barcode_owners: Mapping[str, str]


class CatalogChange(NamedTuple):
    """What to write, and what to answer; `last_sku` and `last_location` are complete also when nothing changed."""

    skus: tuple[Sku, ...]
    locations: tuple[Location, ...]
    created: int
    updated: int
    unchanged: int
    refused: dict[int, Refusal]
    last_sku: Sku | None = None
    last_location: Location | None = None

    @property
    def moved(self) -> bool:
        return bool(self.skus or self.locations)


NOTHING = CatalogChange((), (), 0, 0, 0, {})
UNIT_DEFAULT = "piece"


def change(catalog: Catalog, command: ChangeCatalog) -> CatalogChange:
    """Raises CODE_TAKEN, SKU_NOT_FOUND, LOCATION_NOT_FOUND, FIELD_CONFLICT of the first refused row unless such rows
    are skipped."""
    owners = dict(catalog.barcode_owners)
    refused: dict[int, Refusal] = {}
    bulk = command.intent is Intent.UPSERT

    def settle(position: int, field: str, refusal: Refusal) -> None:
        refusal.field = refusal.field or field
        if not command.skip_refused:
            raise refusal
        refused[position] = refusal

    skus: dict[str, Sku] = {}
    for position, asked in enumerate(command.skus):
        present = catalog.skus.get(asked.code)
        try:
            _may(command.intent, "sku", asked.code, exists=present is not None, twice=asked.code in skus)
            sku = _completed(asked, present)
            _claim(owners, sku, present)
        except Refusal as refusal:
            settle(position, f"skus[{position}]" if bulk else "sku", refusal)
        else:
            skus[sku.code] = sku
    locations: dict[str, Location] = {}
    for position, location in enumerate(command.locations):
        exists = location.code in catalog.locations
        try:
            _may(command.intent, "location", location.code, exists=exists, twice=location.code in locations)
        except Refusal as refusal:
            settle(len(command.skus) + position, f"locations[{position}]" if bulk else "location", refusal)
        else:
            locations[location.code] = location
    new_skus = tuple(sku for sku in skus.values() if sku != catalog.skus.get(sku.code))
    new_locations = tuple(place for place in locations.values() if place != catalog.locations.get(place.code))
    created = sum(sku.code not in catalog.skus for sku in new_skus)
    created += sum(place.code not in catalog.locations for place in new_locations)
    written = len(new_skus) + len(new_locations)
    return CatalogChange(
        new_skus,
        new_locations,
        created,
        written - created,
        len(skus) + len(locations) - written,
        refused,
        next(reversed(skus.values()), None),
        next(reversed(locations.values()), None),
    )


def _may(intent: Intent, noun: str, code: str, *, exists: bool, twice: bool) -> None:
    if twice:
        raise Refusal(Reason.CODE_TAKEN, f"{noun} {code!r} stands twice in the request", metadata={noun: code})
    if intent is Intent.CREATE and exists:
        raise Refusal(
            Reason.CODE_TAKEN, f"{noun} {code!r} exists already", metadata={noun: code}, resource=(noun, code)
        )
    if intent is Intent.UPDATE and not exists:
        raise sku_not_found(code) if noun == "sku" else location_not_found(code)


def _completed(sku: Sku, present: Sku | None) -> Sku:
    """Stock is counted in the unit's smallest part, so a unit can't change under it."""
    if present is None:
        return sku if sku.unit else sku._replace(unit=UNIT_DEFAULT)
    if not sku.unit:
        return sku._replace(unit=present.unit, unit_digits=present.unit_digits)
    if (sku.unit, sku.unit_digits) != (present.unit, present.unit_digits):
        raise Refusal(
            Reason.FIELD_CONFLICT,
            f"SKU {sku.code!r} is counted in {present.unit!r} with {present.unit_digits} digits; that never changes",
            metadata={"sku": sku.code, "unit": present.unit, "unit_digits": str(present.unit_digits)},
        )
    return sku


def _claim(owners: dict[str, str], sku: Sku, present: Sku | None) -> None:
    for barcode in sku.barcodes:
        owner = owners.get(barcode, sku.code)
        if owner != sku.code:
            raise Refusal(
                Reason.CODE_TAKEN,
                f"barcode {barcode} belongs to SKU {owner!r}",
                metadata={"barcode": barcode, "sku": owner},
            )
    for barcode in present.barcodes if present else ():
        owners.pop(barcode, None)
    owners.update(dict.fromkeys(sku.barcodes, sku.code))
