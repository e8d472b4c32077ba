"""The three channels: what each sells from, and how much of the stock it sees."""

from collections.abc import Sequence

from inventory.v1 import channel_service_pb2 as pb2
from inventory_demo.names import Names

TILL, WEB, MARKETPLACE = "till", "web", "marketplace"
MARKETPLACE_BUFFER = 1
MARKETPLACE_SHARE_BP = 7_500


def channels(names: Names, shops: Sequence[str], online: Sequence[str]) -> list[pb2.Channel]:
    """`shops`: where tills are; `online`: where parcels leave from, in their order. Codes with their prefix."""
    view = pb2.ChannelView(buffer=MARKETPLACE_BUFFER, share_bp=MARKETPLACE_SHARE_BP)
    return [
        pb2.Channel(channel=names.channel(TILL), name="Tills", kind=pb2.CHANNEL_KIND_POS, locations=shops),
        pb2.Channel(channel=names.channel(WEB), name="Web shop", kind=pb2.CHANNEL_KIND_WEB, locations=online),
        pb2.Channel(
            channel=names.channel(MARKETPLACE),
            name="Marketplace",
            kind=pb2.CHANNEL_KIND_MARKETPLACE,
            locations=online,
            view=view,
        ),
    ]
