"""Channels become messages."""

from inventory.domain.availability import Sellable
from inventory.domain.channel import ChannelChange, ChannelSettings, SkuView
from inventory.domain.ledger import Ledger
from inventory.domain.topology import View
from inventory.rpc.formats import ROWS_DETAILED_MAX, row_error
from inventory.rpc.oversell import format_oversell
from inventory.v1 import channel_service_pb2 as pb2


def channel(found: ChannelSettings) -> pb2.Channel:
    return pb2.Channel(
        channel=found.code,
        name=found.name,
        kind=found.kind.value,  # type: ignore[arg-type]  # the numbers are the same
        locations=found.locations,
        view=_view(found.view),
        min_life_days=found.min_life_days,
        silent_after=found.silence.after,
        stop_selling_when_silent=found.silence.stops_selling,
        selling_stopped=found.silence.stopped,
    )


def channel_sku(found: SkuView) -> pb2.ChannelSku:
    return pb2.ChannelSku(sku=found.sku, view=_view(found.view))


def channel_availability(sku: str, sellable: Sellable) -> pb2.ChannelAvailability:
    return pb2.ChannelAvailability(sku=sku, available_to_sell=sellable.total, backorder=sellable.waiting)


def channel_answer(ledger: Ledger, answer: ChannelChange) -> bytes:
    assert answer.settings is not None
    return pb2.SetChannelResponse(channel=channel(answer.settings)).SerializeToString()


def channel_skus_answer(ledger: Ledger, answer: ChannelChange) -> bytes:
    return pb2.SetChannelSkusResponse(
        updated=len(answer.views),
        unchanged=answer.unchanged,
        refused=[
            pb2.RefusedChannelSku(row=row, error=row_error(refusal, brief=number >= ROWS_DETAILED_MAX))
            for number, (row, refusal) in enumerate(answer.refused.items())
        ],
    ).SerializeToString()


def _view(found: View) -> pb2.ChannelView:
    return pb2.ChannelView(
        buffer=found.buffer,
        cap=found.cap,
        share_bp=found.share_bp,
        oversell=format_oversell(found.oversell_limit),
    )
