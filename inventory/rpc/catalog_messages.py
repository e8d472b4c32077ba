"""SKUs and locations: messages become values of the domain, and values messages."""

from collections.abc import Sequence
from datetime import date, timedelta

from google.protobuf.duration_pb2 import Duration

from inventory.domain import barcode
from inventory.domain.bundle import Components, checked_components
from inventory.domain.calendar import time_zone
from inventory.domain.catalog import UNIT_DEFAULT, CatalogChange, Location, Sku
from inventory.domain.code import calendar_date, country_code, free_text, location_code, sku_code, time_of_day
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.limits import (
    ATTRIBUTES_BYTES_MAX,
    ATTRIBUTES_MAX,
    BARCODES_MAX,
    CATEGORY_BYTES_MAX,
    CITY_BYTES_MAX,
    CLOSED_DAYS_MAX,
    HANDLING_MAX,
    HANDLING_MIN,
    NAME_BYTES_MAX,
    POSTAL_CODE_BYTES_MAX,
    PRIORITY_DEFAULT,
    PRIORITY_MAX,
    QUANTITY_MAX,
    STREET_BYTES_MAX,
    TRANSIT_DAYS_MAX,
    UNIT_BYTES_MAX,
    UNIT_DIGITS_MAX,
)
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import LocationKind, Use, Weekday
from inventory.domain.units import Unit, checked_units
from inventory.rpc.formats import ROWS_DETAILED_MAX, row_error
from inventory.rpc.oversell import format_oversell, parse_oversell
from inventory.rpc.parse import point, purpose, quantity_between, too_many, unknown_enum
from inventory.v1 import catalog_service_pb2 as pb2
from inventory.v1 import core_pb2

_WEEK = tuple(Weekday.ALL)


def parse_sku(message: pb2.Sku, path: str) -> Sku:
    """`path` is the path of the SKU's own field, such as `skus[3]`."""
    barcodes = message.barcodes
    if len(barcodes) > BARCODES_MAX:
        raise too_many(f"{path}.barcodes", BARCODES_MAX)
    if not 0 <= message.unit_digits <= UNIT_DIGITS_MAX:
        raise Refusal(
            Reason.UNIT_DIGITS_OUT_OF_RANGE,
            f"unit_digits is 0 to {UNIT_DIGITS_MAX}",
            field=f"{path}.unit_digits",
        )
    attributes = dict(message.attributes)
    if len(attributes) > ATTRIBUTES_MAX:
        raise too_many(f"{path}.attributes", ATTRIBUTES_MAX)
    free_text("".join(key + value for key, value in attributes.items()), ATTRIBUTES_BYTES_MAX, f"{path}.attributes")
    code = sku_code(message.sku, f"{path}.sku")
    unit = free_text(message.unit, UNIT_BYTES_MAX, f"{path}.unit") or (UNIT_DEFAULT if message.unit_digits else "")
    kind, tracking, components = _goods(message, path)
    units = [Unit(one.unit, one.quantity) for one in message.units]
    preorder = message.preorder
    has_preorder = message.HasField("preorder")
    return Sku(
        code,
        free_text(message.name, NAME_BYTES_MAX, f"{path}.name") or code,
        free_text(message.category, CATEGORY_BYTES_MAX, f"{path}.category"),
        unit,
        message.unit_digits,
        tuple(dict.fromkeys(barcode.checked(text, f"{path}.barcodes[{n}]") for n, text in enumerate(barcodes))),
        not message.HasField("active") or message.active,
        tuple(sorted(attributes.items())),
        kind,
        tracking,
        parse_oversell(message.oversell, f"{path}.oversell") if message.HasField("oversell") else None,
        calendar_date(preorder.until, f"{path}.preorder.until") if has_preorder else None,
        quantity_between(preorder.limit, f"{path}.preorder.limit", 1, QUANTITY_MAX) if has_preorder else None,
        message.from_several_places,
        checked_units(units, unit, f"{path}.units"),
        components,
    )


def _goods(message: pb2.Sku, path: str) -> tuple[SkuKind, Tracking, Components]:
    """Kind, tracking and components, which go together."""
    try:
        kind = SkuKind(message.kind or SkuKind.GOODS)
    except ValueError:
        raise unknown_enum(f"{path}.kind") from None
    try:
        tracking = Tracking(message.tracking)
    except ValueError:
        raise unknown_enum(f"{path}.tracking") from None
    if tracking and kind is not SkuKind.GOODS:
        raise Refusal(Reason.FIELD_CONFLICT, "only goods are tracked", field=f"{path}.tracking")
    if kind is not SkuKind.BUNDLE:
        for name in ("components", "from_several_places"):
            if getattr(message, name):
                raise Refusal(Reason.FIELD_CONFLICT, "only a bundle has components", field=f"{path}.{name}")
    elif not message.components:
        raise Refusal(Reason.FIELD_REQUIRED, "a bundle has at least one component", field=f"{path}.components")
    components = [(component.sku, component.quantity) for component in message.components]
    return kind, tracking, checked_components(components, f"{path}.components")


def parse_location(message: pb2.Location, path: str) -> Location:
    """`path` is the path of the location's own field, such as `locations[3]`."""
    code = location_code(message.location, f"{path}.location")
    return Location(
        code,
        free_text(message.name, NAME_BYTES_MAX, f"{path}.name") or code,
        location_kind(message.kind, f"{path}.kind") or LocationKind.WAREHOUSE,
        not message.HasField("active") or message.active,
        _address(message.address, f"{path}.address"),
        point(message.point, f"{path}.point") if message.HasField("point") else None,
        quantity_between(message.priority, f"{path}.priority", 0, PRIORITY_MAX)
        if message.HasField("priority")
        else PRIORITY_DEFAULT,
        _handling(message.handling, f"{path}.handling"),
        time_of_day(message.cutoff, f"{path}.cutoff") if message.cutoff else None,
        _working_days(message.working_days, f"{path}.working_days"),
        _closed_on(message.closed_on, f"{path}.closed_on"),
        _time_zone(message.time_zone, f"{path}.time_zone") if message.time_zone else "UTC",
        _uses(message.purposes, f"{path}.purposes"),
        quantity_between(message.transit_days, f"{path}.transit_days", 0, TRANSIT_DAYS_MAX),
    )


def location_kind(number: int, field: str) -> LocationKind | None:
    if number == 0:
        return None
    try:
        return LocationKind(number)
    except ValueError:
        raise unknown_enum(field) from None


def _address(message: pb2.Address, path: str) -> tuple[tuple[str, str], ...]:
    found = {
        "city": free_text(message.city, CITY_BYTES_MAX, f"{path}.city"),
        "country": country_code(message.country, f"{path}.country"),
        "postal_code": free_text(message.postal_code, POSTAL_CODE_BYTES_MAX, f"{path}.postal_code"),
        "street": free_text(message.street, STREET_BYTES_MAX, f"{path}.street"),
    }
    return tuple((name, value) for name, value in found.items() if value)


def _handling(message: Duration, path: str) -> timedelta:
    seconds, nanos = message.seconds, message.nanos
    most_s = int(HANDLING_MAX.total_seconds())
    found = None
    if 0 <= seconds <= most_s and 0 <= nanos < 1_000_000_000:
        found = timedelta(0, seconds, nanos // 1000)
    if found is None or not HANDLING_MIN <= found <= HANDLING_MAX:
        raise Refusal(
            Reason.TTL_OUT_OF_RANGE,
            f"handling is 0 to {HANDLING_MAX.days} days",
            field=path,
            metadata={"min_s": "0", "max_s": str(most_s)},
        )
    return found


def _working_days(numbers: Sequence[int], path: str) -> Weekday:
    found = Weekday(0)
    for n, number in enumerate(numbers):
        day = _WEEK[quantity_between(number, f"{path}[{n}]", 1, 7) - 1]
        if day in found:
            raise _twice(str(number), f"{path}[{n}]")
        found |= day
    return found or Weekday.ALL


def _closed_on(texts: Sequence[str], path: str) -> tuple[date, ...]:
    if len(texts) > CLOSED_DAYS_MAX:
        raise too_many(path, CLOSED_DAYS_MAX)
    found: set[date] = set()
    for n, text in enumerate(texts):
        day = calendar_date(text, f"{path}[{n}]")
        if day in found:
            raise _twice(text, f"{path}[{n}]")
        found.add(day)
    return tuple(sorted(found))


def _time_zone(name: str, path: str) -> str:
    try:
        time_zone(name)
    except Refusal as refusal:
        refusal.field = path
        raise
    return name


def _uses(numbers: Sequence[int], path: str) -> Use:
    found = Use(0)
    for n, number in enumerate(numbers):
        use = purpose(number, f"{path}[{n}]")
        if use is None:
            raise unknown_enum(f"{path}[{n}]")
        if use in found:
            raise _twice(str(use.name), f"{path}[{n}]")
        found |= use
    return found or Use.ALL


def _twice(what: str, field: str) -> Refusal:
    return Refusal(Reason.FIELD_CONFLICT, f"{what!r} stands twice", field=field)


def format_sku(found: Sku) -> pb2.Sku:
    message = pb2.Sku(
        sku=found.code,
        name=found.name,
        category=found.category,
        unit=found.unit,
        unit_digits=found.unit_digits,
        barcodes=found.barcodes,
        active=found.active,
        attributes=dict(found.attributes),
        kind=found.kind.value,  # type: ignore[arg-type]  # the numbers are the same
        tracking=found.tracking.value,  # type: ignore[arg-type]  # the numbers are the same
        units=[pb2.Unit(unit=unit, quantity=factor) for unit, factor in found.units],
        components=[pb2.BundleComponent(sku=code, quantity=quantity) for code, quantity in found.components],
        from_several_places=found.from_several_places,
        oversell=format_oversell(found.oversell_limit),
    )
    if found.preorder_until is not None:
        message.preorder.until = found.preorder_until.isoformat()
        message.preorder.limit = found.preorder_limit or 0
    return message


def format_location(found: Location) -> pb2.Location:
    point = found.point
    return pb2.Location(
        location=found.code,
        name=found.name,
        kind=found.kind.value,  # type: ignore[arg-type]  # the numbers are the same
        active=found.active,
        address=pb2.Address(**dict(found.address)) if found.address else None,
        point=None if point is None else core_pb2.Point(latitude=point.latitude, longitude=point.longitude),
        priority=found.priority,
        handling=found.handling,
        cutoff="" if found.cutoff_minute is None else format_time_of_day(found.cutoff_minute),
        working_days=[number for number, day in enumerate(_WEEK, 1) if day in found.working_days],
        closed_on=[day.isoformat() for day in found.closed_on],
        time_zone=found.time_zone,
        purposes=[use.value for use in Use.ALL if use in found.uses],  # type: ignore[misc]  # the numbers are the same
        transit_days=found.transit_days,
    )


def format_time_of_day(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def sku_answer(ledger: Ledger, answer: CatalogChange) -> bytes:
    assert answer.last_sku is not None
    return pb2.CreateSkuResponse(sku=format_sku(answer.last_sku)).SerializeToString()


def location_answer(ledger: Ledger, answer: CatalogChange) -> bytes:
    assert answer.last_location is not None
    return pb2.CreateLocationResponse(location=format_location(answer.last_location)).SerializeToString()


def imported_answer(ledger: Ledger, answer: CatalogChange) -> bytes:
    message = pb2.ImportCatalogResponse(
        created=answer.created,
        updated=answer.updated,
        unchanged=answer.unchanged,
        refused=[
            pb2.RefusedCatalogRow(row=row, error=row_error(refusal, brief=number >= ROWS_DETAILED_MAX))
            for number, (row, refusal) in enumerate(answer.refused.items())
        ],
    )
    return message.SerializeToString()
