"""What codes, texts, dates and times of day may look like."""

import re
import unicodedata
from datetime import date

from inventory.domain.limits import CODE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal

_PLAIN = re.compile(r"[A-Za-z0-9._:/#+-]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_CHANNEL = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)


def is_code(text: str) -> bool:
    """1 to 64 bytes, printable, NFC, no white space at the ends: no control, format or direction characters."""
    if len(text) <= CODE_BYTES_MAX and _PLAIN.fullmatch(text):
        return True
    return (
        0 < len(text) <= CODE_BYTES_MAX
        and text.isprintable()
        and text == text.strip()
        and len(text.encode()) <= CODE_BYTES_MAX
        and unicodedata.is_normalized("NFC", text)
    )


def sku_code(text: str, field: str) -> str:
    """The code itself. Raises SKU_FORMAT."""
    if not is_code(text):
        raise Refusal(Reason.SKU_FORMAT, _rule("SKU"), field=field)
    return text


def location_code(text: str, field: str) -> str:
    """The code itself. Raises LOCATION_FORMAT."""
    if not is_code(text):
        raise Refusal(Reason.LOCATION_FORMAT, _rule("location"), field=field)
    return text


def lot_code(text: str, field: str) -> str:
    """The code itself. Raises LOT_FORMAT."""
    if not is_code(text):
        raise Refusal(Reason.LOT_FORMAT, _rule("lot"), field=field)
    return text


def serial_number(text: str, field: str) -> str:
    """The number itself. Raises SERIAL_FORMAT."""
    if not is_code(text):
        raise Refusal(Reason.SERIAL_FORMAT, _rule("serial"), field=field)
    return text


def subscriber_name(text: str, field: str = "name") -> str:
    """The name itself. Raises SUBSCRIBER_FORMAT."""
    if not is_code(text):
        raise Refusal(Reason.SUBSCRIBER_FORMAT, _rule("subscriber"), field=field)
    return text


def channel_code(text: str, field: str = "inventory-channel") -> str:
    """The code itself. Raises CHANNEL_FORMAT."""
    if not _CHANNEL.fullmatch(text):
        raise Refusal(
            Reason.CHANNEL_FORMAT,
            "a channel code is 1 to 32 of a-z, 0-9, - and _",
            field=field,
        )
    return text


def free_text(text: str, bytes_max: int, field: str, *, required: bool = False) -> str:
    """The text itself: any characters but NUL. Raises TEXT_FORMAT."""
    if required and not text.strip():
        raise Refusal(Reason.TEXT_FORMAT, f"{field} must not be empty", field=field)
    if text and ("\0" in text or (len(text) * 4 > bytes_max and len(text.encode()) > bytes_max)):
        raise Refusal(
            Reason.TEXT_FORMAT,
            f"{field} has at most {bytes_max} bytes of UTF-8 and no NUL",
            field=field,
            metadata={"max_bytes": str(bytes_max)},
        )
    return text


def calendar_date(text: str, field: str) -> date:
    """Of a YYYY-MM-DD. Raises DATE_FORMAT."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal(Reason.DATE_FORMAT, "a date is YYYY-MM-DD, and a day of the calendar", field=field)


def time_of_day(text: str, field: str) -> int:
    """The minute of the day of an HH:MM. Raises TIME_FORMAT."""
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None:
        raise Refusal(Reason.TIME_FORMAT, "a time of day is HH:MM, 00:00 to 23:59", field=field)
    return int(found[1]) * 60 + int(found[2])


def country_code(text: str, field: str) -> str:
    """The code itself, ISO 3166-1 alpha-2; '' too. Raises TEXT_FORMAT."""
    if text and not _COUNTRY.fullmatch(text):
        raise Refusal(Reason.TEXT_FORMAT, "a country is two letters, such as PL", field=field)
    return text


def _rule(noun: str) -> str:
    return f"a {noun} code is 1 to {CODE_BYTES_MAX} bytes of printable NFC text without white space at its ends"
