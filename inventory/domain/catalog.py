"""The catalogue: SKUs and locations, and what a command makes of them, decided on values alone."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import IntEnum
from typing import NamedTuple

from inventory.domain.access import Access
from inventory.domain.bundle import Bundles, Components
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.limits import PRIORITY_DEFAULT
from inventory.domain.refusal import Reason, Refusal, category_conflict, location_not_found, sku_not_found
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
    components: Components = ()


class Location(NamedTuple):
    """A place that holds stock. `address`: sorted names and values of what is known of it."""

    code: str
    name: str
    kind: LocationKind
    active: bool
    address: tuple[tuple[str, str], ...] = ()
    point: Point | None = None
    priority: int = PRIORITY_DEFAULT
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
    """Create or update these; positions count SKUs first, then locations. `within`: what who asks is limited to, None:
    nothing."""

    channel_id: int
    intent: Intent
    skus: tuple[Sku, ...] = ()
    locations: tuple[Location, ...] = ()
    skip_refused: bool = False
    within: Access | None = None


class Catalog(NamedTuple):
    """What exists of a command's codes and barcodes, under lock. `components`: of every SKU that has to do with its
    bundles, those above them too; none of what is no bundle. `moved`: SKUs of which a level has ever moved. Of what who
    asks is not allowed, `hidden` are SKUs, and `elsewhere` those of the command's locations; a barcode of such a SKU
    has the owner ''."""

    skus: Mapping[str, Sku]
    locations: Mapping[str, Location]
    barcode_owners: Mapping[str, str]
    components: Mapping[str, Components] = {}
    moved: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()


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
    """Raises CODE_TAKEN, SKU_NOT_FOUND, LOCATION_NOT_FOUND, FIELD_CONFLICT, UNIT_FORMAT, SKU_IN_USE, BUNDLE_CYCLE,
    BUNDLE_TOO_DEEP, QUANTITY_OUT_OF_RANGE, TOO_MANY_LINES of the first refused row unless such rows are skipped. What
    is no bundle is judged first, bundles after what they are made of."""
    refused: dict[int, Refusal] = {}
    bulk = command.intent is Intent.UPSERT

    def settle(position: int, field: str, refusal: Refusal) -> None:
        refusal.field = f"{field}.{refusal.field}" if refusal.field else field
        if not command.skip_refused:
            raise refusal
        refused[position] = refusal

    skus: dict[str, Sku] = {}
    for position, outcome in _judged(catalog, command):
        if isinstance(outcome, Refusal):
            settle(position, f"skus[{position}]" if bulk else "sku", outcome)
        else:
            skus[outcome.code] = outcome
    locations: dict[str, Location] = {}
    for position, location in enumerate(command.locations):
        exists = location.code in catalog.locations
        try:
            if location.code in catalog.elsewhere:
                raise location_not_found(location.code)
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
        dict(sorted(refused.items())),
        next(reversed(skus.values()), None),
        next(reversed(locations.values()), None),
    )


def _may(intent: Intent, noun: str, code: str, *, exists: bool, twice: bool) -> None:
    if twice:
        raise Refusal(Reason.CODE_TAKEN, f"{noun} {code!r} stands twice in the request", metadata={noun: code})
    if intent is Intent.CREATE and exists:
        raise _taken(noun, code)
    if intent is Intent.UPDATE and not exists:
        raise sku_not_found(code) if noun == "sku" else location_not_found(code)


def _taken(noun: str, code: str) -> Refusal:
    return Refusal(Reason.CODE_TAKEN, f"{noun} {code!r} exists already", metadata={noun: code}, resource=(noun, code))


def _judged(catalog: Catalog, command: ChangeCatalog) -> Iterator[tuple[int, Sku | Refusal]]:
    """Each SKU's position, and what is to be of it."""
    first = {sku.code: position for position, sku in reversed(tuple(enumerate(command.skus)))}
    owners = dict(catalog.barcode_owners)
    bundles = Bundles(
        {code: sku.components for code, sku in catalog.skus.items()} | dict(catalog.components),
        {code: command.skus[position].components for code, position in first.items()},
    )
    for position in sorted(range(len(command.skus)), key=lambda at: bundles.turn(command.skus[at].components)):
        asked = command.skus[position]
        present = catalog.skus.get(asked.code)
        twice = first[asked.code] != position
        try:
            if asked.code in catalog.hidden:
                raise _hidden(command.intent, asked.code)
            _may(command.intent, "sku", asked.code, exists=present is not None, twice=twice)
            if command.within is not None and not command.within.covers_category(asked.category):
                raise category_conflict("category")
            sku = _completed(asked, present)
            if asked.code in catalog.moved:
                _keeps_its_kind(sku, present)
            if command.within is None:
                bundles.check(sku.code, sku.components)
            else:
                _check_visibly(bundles, catalog, sku, present)
            _claim(owners, sku, present)
        except Refusal as refusal:
            if not twice:
                bundles.drop(asked.code)
            yield position, refusal
        else:
            bundles.put(sku.code, sku.components)
            yield position, sku


def _hidden(intent: Intent, sku: str) -> Refusal:
    """Of a SKU that is unknown to who asks: its code is taken all the same."""
    return sku_not_found(sku) if intent is Intent.UPDATE else _taken("sku", sku)


def _check_visibly(bundles: Bundles, catalog: Catalog, sku: Sku, present: Sku | None) -> None:
    """For who knows only some SKUs, and what the bundle is made of already: what would be wrong in an unknown bundle is
    said without its code."""
    kept = dict(present.components) if present is not None else {}
    try:
        bundles.check(sku.code, sku.components, catalog.hidden - kept.keys())
    except Refusal as refusal:
        known = {sku.code, *dict(sku.components)}
        if known.issuperset(refusal.metadata.get(name, sku.code) for name in ("sku", "component", "bundle")):
            raise
        raise Refusal(refusal.reason, "a bundle that it is in would not be allowed", field=refusal.field) from None


def reshapes(before: Sku, after: Sku) -> bool:
    """Whether decisions on stock come out otherwise."""
    return _decisive(before) != _decisive(after)


def _decisive(sku: Sku) -> tuple[object, ...]:
    return (sku.active, *sku[8:14], sku.components)


def _completed(sku: Sku, present: Sku | None) -> Sku:
    """Stock is counted in the unit's smallest part, so a unit can't change under it. Units are only ever added."""
    if present is None:
        sku = sku if sku.unit else sku._replace(unit=UNIT_DEFAULT)
    elif not sku.unit:
        sku = sku._replace(unit=present.unit, unit_digits=present.unit_digits)
    elif (sku.unit, sku.unit_digits) != (present.unit, present.unit_digits):
        raise Refusal(
            Reason.FIELD_CONFLICT,
            f"SKU {sku.code!r} is counted in {present.unit!r} with {present.unit_digits} digits; that never changes",
            metadata={"sku": sku.code, "unit": present.unit, "unit_digits": str(present.unit_digits)},
        )
    if not sku.units:
        return sku if present is None else sku._replace(units=present.units)
    factors = dict(sku.units)
    for unit, factor in present.units if present else ():
        if factors.get(unit) != factor:
            raise Refusal(
                Reason.FIELD_CONFLICT,
                f"a {unit!r} of SKU {sku.code!r} is {factor}; that never changes",
                field="units",
                metadata={"sku": sku.code, "unit": unit, "quantity": str(factor)},
            )
    for position, (unit, _) in enumerate(sku.units):
        if unit == sku.unit:
            raise Refusal(Reason.UNIT_FORMAT, f"{unit!r} is the SKU's own unit", field=f"units[{position}].unit")
    return sku


def _keeps_its_kind(sku: Sku, present: Sku | None) -> None:
    if present is not None and (sku.kind, sku.tracking) != (present.kind, present.tracking):
        raise Refusal(
            Reason.SKU_IN_USE,
            f"SKU {sku.code!r} has moved: its kind and tracking never change",
            metadata={"sku": sku.code, "kind": present.kind.name, "tracking": present.tracking.name},
        )


def _claim(owners: dict[str, str], sku: Sku, present: Sku | None) -> None:
    for barcode in sku.barcodes:
        owner = owners.get(barcode, sku.code)
        if owner != sku.code:
            raise Refusal(
                Reason.CODE_TAKEN,
                f"barcode {barcode} belongs to SKU {owner!r}" if owner else f"barcode {barcode} belongs to another SKU",
                metadata={"barcode": barcode, "sku": owner},
            )
    for barcode in present.barcodes if present else ():
        owners.pop(barcode, None)
    owners.update(dict.fromkeys(sku.barcodes, sku.code))
