"""Channels as rows of CSV files, and as people write and read them."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from inventory.cli.csv_file import Columns, integer, shown
from inventory.cli.csv_rows import Table, boolean_of
from inventory.cli.failure import printable
from inventory.domain.code import channel_code, free_text, location_code, sku_code
from inventory.domain.limits import (
    CHANNEL_LOCATIONS_MAX,
    MIN_LIFE_DAYS_MAX,
    NAME_BYTES_MAX,
    QUANTITY_MAX,
    SILENT_AFTER_MAX,
    SILENT_AFTER_MIN,
)
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import SHARE_WHOLE_BP
from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2

KINDS = {
    "": pb2.CHANNEL_KIND_UNSPECIFIED,
    "web": pb2.CHANNEL_KIND_WEB,
    "pos": pb2.CHANNEL_KIND_POS,
    "telephone": pb2.CHANNEL_KIND_TELEPHONE,
    "marketplace": pb2.CHANNEL_KIND_MARKETPLACE,
}
KIND_NAMES = {number: name for name, number in KINDS.items()}
VIEW_COLUMNS = ("buffer", "cap", "share_bp", "oversell")
SILENCE_COLUMNS = ("silent_after_s", "stop_selling_when_silent")
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_MOST = {"buffer": QUANTITY_MAX, "cap": QUANTITY_MAX, "share_bp": SHARE_WHOLE_BP}


def kind(text: str) -> pb2.ChannelKind:
    """Raises CSV_ROW."""
    if text not in KINDS:
        names = ", ".join(name for name in KINDS if name)
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not one of {names}, or empty", field="kind")
    return KINDS[text]


def view(texts: Sequence[str]) -> pb2.ChannelView:
    """In the order of VIEW_COLUMNS; empty: not set. Raises `Refusal`, whose field is the column."""
    found = pb2.ChannelView()
    for column, text in zip(VIEW_COLUMNS, texts, strict=True):
        if column == "oversell":
            if text:
                found.oversell.CopyFrom(_oversell(text))
        elif text:
            setattr(found, column, _within(text, column, 0, _MOST[column]))
    return found


def view_cells(found: pb2.ChannelView) -> list[str]:
    """As `view` reads it."""
    cells = [str(getattr(found, column)) if found.HasField(column) else "" for column in _MOST]
    policy = found.oversell.WhichOneof("policy") or ""
    return [*cells, str(found.oversell.limit) if policy == "limit" else policy]


def locations(text: str) -> list[str]:
    """Codes with spaces between; a JSON list where a code has a space in it. Raises LOCATION_FORMAT, CSV_ROW,
    FIELD_CONFLICT, TOO_MANY_LINES."""
    codes = _json_list(text) if text.startswith("[") else text.split()
    for position, code in enumerate(codes):
        if location_code(code, "locations") in codes[:position]:
            raise Refusal(Reason.FIELD_CONFLICT, f"{shown(code)} stands twice in the order", field="locations")
    if len(codes) > CHANNEL_LOCATIONS_MAX:
        raise Refusal(
            Reason.TOO_MANY_LINES, f"a channel names at most {CHANNEL_LOCATIONS_MAX} locations", field="locations"
        )
    return codes


def locations_cell(codes: Sequence[str]) -> str:
    """As `locations` reads it."""
    plain = " ".join(codes)
    if plain.split() == list(codes) and not plain.startswith("["):
        return plain
    return json.dumps(list(codes), ensure_ascii=False)


def channel_json(channel: pb2.Channel) -> dict[str, Any]:
    return {
        "channel": channel.channel,
        "name": channel.name,
        "kind": KIND_NAMES.get(channel.kind, str(channel.kind)),
        "locations": list(channel.locations),
        **_view_document(channel.view),
        "min_life_days": channel.min_life_days,
        "silent_after_s": channel.silent_after.ToTimedelta().total_seconds()
        if channel.HasField("silent_after")
        else None,
        "stop_selling_when_silent": channel.stop_selling_when_silent,
        "selling_stopped": channel.selling_stopped,
    }


def channel_sku_json(row: pb2.ChannelSku) -> dict[str, Any]:
    return {"sku": row.sku, **_view_document(row.view)}


def _view_document(found: pb2.ChannelView) -> dict[str, Any]:
    """Null: not set. `oversell`: "deny", "allow" or a number."""
    return {
        name: int(cell) if cell.isdecimal() else cell or None
        for name, cell in zip(VIEW_COLUMNS, view_cells(found), strict=True)
    }


def channel_line(channel: pb2.Channel) -> str:
    """Its settings in a line, what isn't set left out."""
    named = zip(VIEW_COLUMNS, view_cells(channel.view), strict=True)
    parts = [
        f"sells from {', '.join(channel.locations) or 'everywhere'}",
        *(f"{n} {cell}" for n, cell in named if cell),
        *(["sells nothing: it is silent"] if channel.selling_stopped else []),
    ]
    return printable(", ".join(parts))


def _json_list(text: str) -> list[str]:
    try:
        found = json.loads(text)
        if not isinstance(found, list) or not all(isinstance(code, str) for code in found):
            raise ValueError
    except (ValueError, RecursionError):
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not a JSON list of codes", field="locations") from None
    return found


def _oversell(text: str) -> core_pb2.OversellPolicy:
    if text == "deny":
        return core_pb2.OversellPolicy(deny=True)
    if text == "allow":
        return core_pb2.OversellPolicy(allow=True)
    try:
        return core_pb2.OversellPolicy(limit=_within(text, "oversell", 1, QUANTITY_MAX))
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_AN_INTEGER:
            raise
        raise Refusal(refusal.reason, f"{shown(text)} is not deny, allow or a whole number", field="oversell") from None


def _within(text: str, column: str, low: int, high: int) -> int:
    number = integer(text, column)
    if not low <= number <= high:
        also = ", deny or allow" if column == "oversell" else ""
        raise Refusal(Reason.QUANTITY_OUT_OF_RANGE, f"{column} is {low} to {high}{also}", field=column)
    return number


def _parse_channel(fields: Sequence[str]) -> pb2.Channel:
    code, name, kind_name, places, *view_texts, days, silent_after_s, stops = fields
    return pb2.Channel(
        channel=channel_code(code, "channel"),
        name=free_text(name, NAME_BYTES_MAX, "name"),
        kind=kind(kind_name),
        locations=locations(places),
        view=view(view_texts),
        min_life_days=_within(days, "min_life_days", 0, MIN_LIFE_DAYS_MAX) if days else 0,
        silent_after=silent_after(silent_after_s) if silent_after_s else None,
        stop_selling_when_silent=boolean_of(stops, "stop_selling_when_silent") or False,
    )


def silent_after(text: str) -> timedelta:
    """Seconds. Raises TTL_OUT_OF_RANGE."""
    found = _SECONDS.fullmatch(text)
    after = timedelta(0, int(found[1]), int((found[2] or "").ljust(6, "0"))) if found else None
    if after is None or not SILENT_AFTER_MIN <= after <= SILENT_AFTER_MAX:
        low, high = (int(limit.total_seconds()) for limit in (SILENT_AFTER_MIN, SILENT_AFTER_MAX))
        raise Refusal(Reason.TTL_OUT_OF_RANGE, f"{shown(text)} is not {low} to {high} seconds", field="silent_after_s")
    return after


def silent_after_cell(channel: pb2.Channel) -> str:
    """As `silent_after` reads it; empty: it may be silent for ever."""
    if not channel.HasField("silent_after"):
        return ""
    after = channel.silent_after.ToTimedelta()
    return f"{after.days * 86_400 + after.seconds}.{after.microseconds:06}".rstrip("0").rstrip(".")


def channel_row(channel: pb2.Channel) -> list[str]:
    return [
        channel.channel,
        channel.name,
        KIND_NAMES.get(channel.kind, ""),
        locations_cell(channel.locations),
        *view_cells(channel.view),
        str(channel.min_life_days),
        silent_after_cell(channel),
        "true" if channel.stop_selling_when_silent else "",
    ]


def _parse_channel_sku(fields: Sequence[str]) -> pb2.SetChannelSkusRequest:
    channel, sku, *view_texts = fields
    row = pb2.ChannelSku(sku=sku_code(sku, "sku"), view=view(view_texts))
    return pb2.SetChannelSkusRequest(channel=channel_code(channel, "channel"), skus=[row])


def channel_sku_row(channel: str, found: pb2.ChannelSku) -> list[str]:
    return [channel, found.sku, *view_cells(found.view)]


CHANNELS: Table[pb2.Channel] = Table(
    "channels",
    Columns(("channel",), ("name", "kind", "locations", *VIEW_COLUMNS, "min_life_days", *SILENCE_COLUMNS)),
    _parse_channel,
    lambda row: row.channel,
)
CHANNEL_SKUS: Table[pb2.SetChannelSkusRequest] = Table(
    "channel SKUs",
    Columns(("channel", "sku"), VIEW_COLUMNS),
    _parse_channel_sku,
    lambda row: f"{row.channel} {row.skus[0].sku}",
)
