"""The catalogue: SKUs and locations, and what a command makes of them, decided on values alone."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from inventory.domain.refusal import Reason, Refusal, location_not_found, sku_not_found


class LocationKind(IntEnum):
    """What kind of place; the numbers are the API's and the table's."""

    WAREHOUSE = 1
    SHOP = 2
    PICKUP_POINT = 3
    EXTERNAL = 4


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


class Location(NamedTuple):
    """A place that holds stock."""

    code: str
    name: str
    kind: LocationKind
    active: bool


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
    seen: set[tuple[str, str]] = set()
    refused: dict[int, Refusal] = {}
    skus: list[Sku] = []
    locations: list[Location] = []
    last_sku: Sku | None = None
    last_location: Location | None = None
    created = unchanged = 0
    for position, row in enumerate((*command.skus, *command.locations)):
        is_sku = isinstance(row, Sku)
        field = f"skus[{position}]" if is_sku else f"locations[{position - len(command.skus)}]"
        noun = "sku" if is_sku else "location"
        try:
            if (noun, row.code) in seen:
                raise Refusal(
                    Reason.CODE_TAKEN,
                    f"{noun} {row.code!r} stands twice in the request",
                    metadata={noun: row.code},
                )
            present: Sku | Location | None
            if isinstance(row, Sku):
                present = catalog.skus.get(row.code)
                _may(command.intent, row.code, present is not None, "sku")
                row = _completed(row, present)
                _claim(owners, row, present)
            else:
                present = catalog.locations.get(row.code)
                _may(command.intent, row.code, present is not None, "location")
            seen.add((noun, row.code))
        except Refusal as refusal:
            refusal.field = refusal.field or field
            if not command.skip_refused:
                raise
            refused[position] = refusal
            continue
        if isinstance(row, Sku):
            last_sku = row
        else:
            last_location = row
        if row == present:
            unchanged += 1
            continue
        created += present is None
        if isinstance(row, Sku):
            skus.append(row)
        else:
            locations.append(row)
    updated = len(skus) + len(locations) - created
    return CatalogChange(
        tuple(skus), tuple(locations), created, updated, unchanged, refused, last_sku, last_location
    )


def _may(intent: Intent, code: str, exists: bool, noun: str) -> None:
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
