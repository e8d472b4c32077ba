"""What a front end sends, checked: wrong input is said where it is wrong, and nothing is guessed or converted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

BODY_BYTES_MAX = 64 * 1024
CODE_BYTES_MAX = 64
NAME_BYTES_MAX = 128
LINES_MAX = 200
QUANTITY_MAX = 1_000_000_000
SKUS_MAX = 100


class Wrong(Exception):
    """The request can't be understood. `field` is where, `message` why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class TooLarge(Wrong):
    """The body is larger than `BODY_BYTES_MAX`."""

    def __init__(self) -> None:
        super().__init__("body", f"is larger than {BODY_BYTES_MAX} bytes")


@dataclass(frozen=True, slots=True)
class Checkout:
    lines: tuple[tuple[str, int], ...]
    """SKU and quantity."""


@dataclass(frozen=True, slots=True)
class Order:
    cart: str
    reservation_id: str
    """Empty: the cart's."""
    reference: str


def checkout(body: bytes) -> Checkout:
    """`{"lines": [{"sku": "PEAR", "quantity": 2}]}`. Raises `Wrong`."""
    whole = _object("body", _json(body), {"lines"})
    lines = whole["lines"]
    if not isinstance(lines, list) or not 1 <= len(lines) <= LINES_MAX:
        raise Wrong("lines", f"must be a list of 1 to {LINES_MAX} lines")
    return Checkout(tuple(_line(f"lines[{number}]", line) for number, line in enumerate(lines)))


def order(body: bytes) -> Order:
    """`{"cart": …, "reference": …}`, or with `reservation_id` in place of `cart`. Raises `Wrong`."""
    whole = _object("body", _json(body), {"reference"}, {"cart", "reservation_id"})
    if ("cart" in whole) == ("reservation_id" in whole):
        raise Wrong("body", "names either cart or reservation_id")
    reference = _text("reference", whole["reference"], NAME_BYTES_MAX)
    if "cart" in whole:
        return Order(cart(whole["cart"]), "", reference)
    return Order("", _uuid("reservation_id", whole["reservation_id"]), reference)


def cart(name: object) -> str:
    return _text("cart", name, NAME_BYTES_MAX)


def sku(code: object) -> str:
    return _text("sku", code, CODE_BYTES_MAX)


def request_id(header: str | None) -> str | None:
    """The front end's `Idempotency-Key`, if it sent one. Raises `Wrong`."""
    return None if header is None else _uuid("Idempotency-Key", header)


def skus(query: str) -> tuple[str, ...]:
    """`skus=A,B` or `skus=A&skus=B`, each once; a comma within a code is sent as %2C. Raises `Wrong`."""
    codes: dict[str, None] = {}
    for part in filter(None, query.split("&")):
        name, _, values = part.partition("=")
        if name != "skus":
            raise Wrong(name, "is not known; this takes skus")
        codes |= dict.fromkeys(sku(_unquoted(value)) for value in values.split(","))
    if not 1 <= len(codes) <= SKUS_MAX:
        raise Wrong("skus", f"names 1 to {SKUS_MAX} SKUs")
    return tuple(codes)


def _unquoted(value: str) -> str:
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise Wrong("skus", "is not UTF-8") from None


def _line(field: str, line: object) -> tuple[str, int]:
    whole = _object(field, line, {"sku", "quantity"})
    quantity = whole["quantity"]
    if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:  # a bool is an int, but no quantity
        raise Wrong(f"{field}.quantity", f"must be an integer from 1 to {QUANTITY_MAX}")
    return _text(f"{field}.sku", whole["sku"], CODE_BYTES_MAX), quantity


def _json(body: bytes) -> object:
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Wrong("body", "is not JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise Wrong("body", "names a field twice")
    return whole


def _no_number(word: str) -> object:
    raise ValueError(word)


def _object(
    field: str, value: object, required: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(field, "must be an object")
    if unknown := value.keys() - required - optional:
        name = min(unknown).encode(errors="replace").decode()  # a lone surrogate could not be answered with
        raise Wrong(f"{field}.{name}", "is not known")
    if missing := required - value.keys():
        raise Wrong(f"{field}.{min(missing)}", "is missing")
    return value


def _text(field: str, value: object, bytes_max: int) -> str:
    if not isinstance(value, str):
        raise Wrong(field, "must be a string")
    size = len(value.encode(errors="replace"))
    if not 1 <= size <= bytes_max or not value.isprintable():
        raise Wrong(field, f"must be 1 to {bytes_max} bytes, printable")
    return value


def _uuid(field: str, value: object) -> str:
    text = _text(field, value, 36)
    try:
        found = str(UUID(text))
    except ValueError:
        found = ""
    if found != text.lower():
        raise Wrong(field, "must be a UUID")
    return found
