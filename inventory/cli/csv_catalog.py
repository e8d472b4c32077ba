"""What the columns of files of SKUs and locations mean."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from inventory.cli.csv_file import Columns, integer, shown
from inventory.cli.csv_rows import Table, boolean, boolean_of, number_between, one_of, quoting
from inventory.domain import barcode
from inventory.domain.bundle import checked_components
from inventory.domain.calendar import time_zone
from inventory.domain.code import calendar_date, country_code, free_text, location_code, sku_code, time_of_day
from inventory.domain.limits import (
    ATTRIBUTES_BYTES_MAX,
    ATTRIBUTES_MAX,
    BARCODES_MAX,
    CATEGORY_BYTES_MAX,
    CITY_BYTES_MAX,
    CLOSED_DAYS_MAX,
    HANDLING_MAX,
    NAME_BYTES_MAX,
    POSTAL_CODE_BYTES_MAX,
    PRIORITY_MAX,
    QUANTITY_MAX,
    STREET_BYTES_MAX,
    TRANSIT_DAYS_MAX,
    UNIT_BYTES_MAX,
    UNIT_DIGITS_MAX,
)
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.units import Unit, checked_units
from inventory.v1 import catalog_service_pb2 as pb2
from inventory.v1 import core_pb2

_KINDS = {
    "": pb2.SKU_KIND_UNSPECIFIED,
    "goods": pb2.SKU_KIND_GOODS,
    "bundle": pb2.SKU_KIND_BUNDLE,
    "virtual": pb2.SKU_KIND_VIRTUAL,
    "virtual_limited": pb2.SKU_KIND_VIRTUAL_LIMITED,
}
_TRACKINGS = {
    "": pb2.TRACKING_UNSPECIFIED,
    "lots": pb2.TRACKING_LOTS,
    "serials": pb2.TRACKING_SERIALS,
}
_LOCATION_KINDS = {
    "": pb2.LOCATION_KIND_UNSPECIFIED,
    "warehouse": pb2.LOCATION_KIND_WAREHOUSE,
    "shop": pb2.LOCATION_KIND_SHOP,
    "pickup_point": pb2.LOCATION_KIND_PICKUP_POINT,
    "external": pb2.LOCATION_KIND_EXTERNAL,
}
_PURPOSES = {
    "online": core_pb2.PURPOSE_ONLINE,
    "pickup": core_pb2.PURPOSE_PICKUP,
    "walk_in": core_pb2.PURPOSE_WALK_IN,
}
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,400})?", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_DAYS = re.compile(r"([1-7])(?:-([1-7]))?", re.ASCII)


def _parse_sku(fields: Sequence[str]) -> pb2.Sku:
    cell = dict(zip(SKUS.columns.all, fields, strict=True))
    digits = integer(cell["unit_digits"], "unit_digits") if cell["unit_digits"] else 0
    if not 0 <= digits <= UNIT_DIGITS_MAX:
        raise Refusal(Reason.UNIT_DIGITS_OUT_OF_RANGE, f"unit_digits is 0 to {UNIT_DIGITS_MAX}", field="unit_digits")
    numbers = [barcode.checked(text, "barcodes") for text in cell["barcodes"].split()]
    if len(numbers) > BARCODES_MAX:
        raise Refusal(Reason.TOO_MANY_LINES, f"a SKU has at most {BARCODES_MAX} barcodes", field="barcodes")
    unit = free_text(cell["unit"], UNIT_BYTES_MAX, "unit")
    units = [Unit(name, factor) for name, factor in _quantities(cell["units"], "units").items()]
    components = tuple(_quantities(cell["components"], "components").items())
    several = boolean_of(cell["from_several_places"], "from_several_places") or False
    tracking = one_of(cell["tracking"], _TRACKINGS, "tracking")
    _check_kind(cell["kind"], tracking=tracking, components=components, from_several_places=several)
    return pb2.Sku(
        sku=sku_code(cell["sku"], "sku"),
        name=free_text(cell["name"], NAME_BYTES_MAX, "name"),
        category=free_text(cell["category"], CATEGORY_BYTES_MAX, "category"),
        unit=unit,
        unit_digits=digits,
        barcodes=numbers,
        active=boolean_of(cell["active"], "active"),
        attributes=_attributes(cell["attributes"]),
        kind=one_of(cell["kind"], _KINDS, "kind"),
        tracking=tracking,
        units=[pb2.Unit(unit=one.code, quantity=one.factor) for one in _in_column(checked_units, units, unit, "units")],
        components=[
            pb2.BundleComponent(sku=code, quantity=quantity)
            for code, quantity in _in_column(checked_components, components, "components")
        ],
        from_several_places=several,
        oversell=_oversell(cell["oversell"]),
        preorder=_preorder(cell["preorder_until"], cell["preorder_limit"]),
    )


def sku_row(sku: pb2.Sku) -> list[str]:
    attributes = dict(sku.attributes)
    preorder = sku.preorder if sku.HasField("preorder") else None
    row = {
        "sku": sku.sku,
        "name": sku.name,
        "category": sku.category,
        "unit": sku.unit,
        "unit_digits": str(sku.unit_digits),
        "barcodes": " ".join(sku.barcodes),
        "active": boolean(sku.active),
        "attributes": json.dumps(attributes, ensure_ascii=False, sort_keys=True) if attributes else "",
        "kind": _name(_KINDS, sku.kind),
        "tracking": _name(_TRACKINGS, sku.tracking),
        "units": _json({unit.unit: unit.quantity for unit in sku.units}),
        "components": _json({component.sku: component.quantity for component in sku.components}),
        "from_several_places": "true" if sku.from_several_places else "",
        "oversell": _oversell_text(sku.oversell),
        "preorder_until": preorder.until if preorder else "",
        "preorder_limit": str(preorder.limit) if preorder else "",
    }
    return [row[column] for column in SKUS.columns.all]


def _parse_location(fields: Sequence[str]) -> pb2.Location:
    cell = dict(zip(LOCATIONS.columns.all, fields, strict=True))
    address = {
        "street": free_text(cell["street"], STREET_BYTES_MAX, "street"),
        "postal_code": free_text(cell["postal_code"], POSTAL_CODE_BYTES_MAX, "postal_code"),
        "city": free_text(cell["city"], CITY_BYTES_MAX, "city"),
        "country": country_code(cell["country"], "country"),
    }
    if cell["time_zone"]:
        time_zone(cell["time_zone"])
    return pb2.Location(
        location=location_code(cell["location"], "location"),
        name=free_text(cell["name"], NAME_BYTES_MAX, "name"),
        kind=one_of(cell["kind"], _LOCATION_KINDS, "kind"),
        active=boolean_of(cell["active"], "active"),
        address=pb2.Address(**address) if any(address.values()) else None,
        point=_point(cell["latitude"], cell["longitude"]),
        priority=number_between(cell["priority"], "priority", 0, PRIORITY_MAX) if cell["priority"] else None,
        handling=_handling(cell["handling_s"]) if cell["handling_s"] else None,
        cutoff=quoting(time_of_day, cell["cutoff"], "cutoff"),
        working_days=_working_days(cell["working_days"]),
        closed_on=_closed_on(cell["closed_on"]),
        time_zone=cell["time_zone"],
        purposes=_purposes(cell["purposes"]),
        transit_days=number_between(cell["transit_days"], "transit_days", 0, TRANSIT_DAYS_MAX)
        if cell["transit_days"]
        else 0,
    )


def location_row(location: pb2.Location) -> list[str]:
    point = location.point if location.HasField("point") else None
    row = {
        "location": location.location,
        "name": location.name,
        "kind": _name(_LOCATION_KINDS, location.kind),
        "active": boolean(location.active),
        "street": location.address.street,
        "postal_code": location.address.postal_code,
        "city": location.address.city,
        "country": location.address.country,
        "latitude": _decimal(point.latitude) if point else "",
        "longitude": _decimal(point.longitude) if point else "",
        "priority": str(location.priority) if location.HasField("priority") else "",
        "handling_s": _seconds(location.handling.ToTimedelta()) if location.HasField("handling") else "",
        "cutoff": location.cutoff,
        "working_days": " ".join(map(str, location.working_days)),
        "closed_on": " ".join(location.closed_on),
        "time_zone": location.time_zone,
        "purposes": " ".join(_name(_PURPOSES, purpose) for purpose in location.purposes),
        "transit_days": str(location.transit_days),
    }
    return [row[column] for column in LOCATIONS.columns.all]


SKUS: Table[pb2.Sku] = Table(
    "skus",
    Columns(
        ("sku",),
        (
            "name", "category", "unit", "unit_digits", "barcodes", "active", "attributes", "kind", "tracking", "units",
            "components", "from_several_places", "oversell", "preorder_until", "preorder_limit",
        ),
    ),
    _parse_sku,
    lambda row: row.sku,
    lambda row: [component.sku for component in row.components],
)  # fmt: skip
LOCATIONS: Table[pb2.Location] = Table(
    "locations",
    Columns(
        ("location",),
        (
            "name", "kind", "active", "street", "postal_code", "city", "country", "latitude", "longitude", "priority",
            "handling_s", "cutoff", "working_days", "closed_on", "time_zone", "purposes", "transit_days",
        ),
    ),
    _parse_location,
    lambda row: row.location,
)  # fmt: skip

Value = TypeVar("Value")


def _check_kind(kind: str, **only: object) -> None:
    """Raises FIELD_CONFLICT, FIELD_REQUIRED."""
    for column, value in only.items():
        kinds = ("", "goods") if column == "tracking" else ("bundle",)
        if value and kind not in kinds:
            raise Refusal(Reason.FIELD_CONFLICT, f"{column} is only for kind {kinds[-1]}", field=column)
    if kind == "bundle" and not only["components"]:
        raise Refusal(Reason.FIELD_REQUIRED, "a bundle has at least one component", field="components")


def _in_column(check: Callable[..., Value], *arguments: Any) -> Value:
    """The last argument is the column's name; which of the cell's entries is bad stands in the message."""
    try:
        return check(*arguments)
    except Refusal as refusal:
        refusal.field = arguments[-1]
        raise


def _oversell(text: str) -> core_pb2.OversellPolicy | None:
    if not text:
        return None
    if text == "deny":
        return core_pb2.OversellPolicy(deny=True)
    if text == "allow":
        return core_pb2.OversellPolicy(allow=True)
    if not text.isascii() or not text.isdigit():
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not deny, allow, a whole number, or empty", field="oversell")
    return core_pb2.OversellPolicy(limit=number_between(text, "oversell", 1, QUANTITY_MAX))


def _oversell_text(policy: core_pb2.OversellPolicy) -> str:
    named = policy.WhichOneof("policy")
    return str(policy.limit) if named == "limit" else named or ""


def _preorder(until: str, limit: str) -> pb2.Preorder | None:
    if not until and not limit:
        return None
    if not until or not limit:
        missing = "preorder_limit" if until else "preorder_until"
        raise Refusal(Reason.FIELD_REQUIRED, "a pre-order has a date and a limit", field=missing)
    day = quoting(calendar_date, until, "preorder_until")
    return pb2.Preorder(until=day, limit=number_between(limit, "preorder_limit", 1, QUANTITY_MAX))


def _point(latitude: str, longitude: str) -> core_pb2.Point | None:
    if not latitude and not longitude:
        return None
    return core_pb2.Point(latitude=_degrees(latitude, "latitude", 90), longitude=_degrees(longitude, "longitude", 180))


def _degrees(text: str, column: str, most: int) -> float:
    degrees = float(text) if _DECIMAL.fullmatch(text) else None
    if degrees is None or not -most <= degrees <= most:
        raise Refusal(Reason.POINT_OUT_OF_RANGE, f"{shown(text)} is not -{most} to {most} degrees", field=column)
    return degrees


def _decimal(number: float) -> str:
    """Without an exponent, and with all of its digits."""
    return format(Decimal(repr(number)), "f")


def _handling(text: str) -> timedelta:
    found = _SECONDS.fullmatch(text)
    handling = timedelta(0, int(found[1]), int((found[2] or "").ljust(6, "0"))) if found else None
    if handling is None or handling > HANDLING_MAX:
        raise Refusal(
            Reason.TTL_OUT_OF_RANGE,
            f"{shown(text)} is not 0 to {int(HANDLING_MAX.total_seconds())} seconds",
            field="handling_s",
        )
    return handling


def _seconds(handling: timedelta) -> str:
    text = f"{handling.days * 86_400 + handling.seconds}.{handling.microseconds:06}"
    return text.rstrip("0").rstrip(".")


def _working_days(text: str) -> list[int]:
    days: list[int] = []
    for word in text.replace(",", " ").split():
        found = _DAYS.fullmatch(word)
        if found is None or (found[2] or found[1]) < found[1]:
            raise Refusal(Reason.CSV_ROW, f"{shown(word)} is not 1 to 7, or days such as 1-5", field="working_days")
        days += range(int(found[1]), int(found[2] or found[1]) + 1)
    return _once(days, "working_days")


def _closed_on(text: str) -> list[str]:
    days = text.split()
    if len(days) > CLOSED_DAYS_MAX:
        raise Refusal(Reason.TOO_MANY_LINES, f"closed_on has at most {CLOSED_DAYS_MAX}", field="closed_on")
    for day in days:
        quoting(calendar_date, day, "closed_on")
    return _once(days, "closed_on")


def _purposes(text: str) -> list[core_pb2.Purpose]:
    return _once([one_of(word, _PURPOSES, "purposes") for word in text.split()], "purposes")


def _once(found: list[Value], column: str) -> list[Value]:
    if len(set(found)) != len(found):
        raise Refusal(Reason.FIELD_CONFLICT, f"something stands twice in {column}", field=column)
    return found


def _name(names: dict[str, Any], number: int) -> str:
    return next((name for name, each in names.items() if each == number), "")


def _json(found: dict[str, int]) -> str:
    return json.dumps(found, ensure_ascii=False) if found else ""


def _quantities(text: str, column: str) -> dict[str, int]:
    """A JSON object of whole numbers."""
    example = '{"box": 12}' if column == "units" else '{"TEA-1": 2}'
    found = _object(text, column, f"a JSON object of whole numbers such as {example}")
    if not all(type(value) is int for value in found.values()):
        raise Refusal(Reason.NOT_AN_INTEGER, f"{shown(text)}: a number is not a whole one", field=column)
    return found


def _attributes(text: str) -> dict[str, str]:
    """A JSON object of texts."""
    wanted = 'a JSON object of texts such as {"brand": "ACME"}'
    found = _object(text, "attributes", wanted)
    if not all(isinstance(value, str) for value in found.values()):
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not {wanted}", field="attributes")
    if len(found) > ATTRIBUTES_MAX:
        raise Refusal(Reason.TOO_MANY_LINES, f"a SKU has at most {ATTRIBUTES_MAX} attributes", field="attributes")
    free_text("".join(key + value for key, value in found.items()), ATTRIBUTES_BYTES_MAX, "attributes")
    return found


def _object(text: str, column: str, wanted: str) -> dict[str, Any]:
    """The json module takes duplicate keys and lone surrogates, and recurses."""
    if not text:
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_unique)
        if not isinstance(found, dict):
            raise ValueError
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not {wanted}", field=column) from None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
