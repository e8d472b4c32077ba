"""Channels' settings, and what a command makes of them, decided on values alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from inventory.domain.refusal import Reason, Refusal, channel_not_found, location_not_found, sku_not_found
from inventory.domain.topology import NO_VIEW, ChannelKind, View


class SilenceSettings(NamedTuple):
    """How long a channel may be silent, and whether it sells nothing when it is silent for longer. `after` None: for
    ever. `stopped`: it is, now; said by the server."""

    after: timedelta | None = None
    stops_selling: bool = False
    stopped: bool = False

    def kept(self, present: "SilenceSettings") -> "SilenceSettings":
        """New settings of a channel: whether it is stopped is not for people to say, but ends when it may not be."""
        return self._replace(stopped=present.stopped and self.stops_selling and self.after is not None)


class ChannelSettings(NamedTuple):
    """A channel by codes. `locations`: where it sells from, in its order; empty: everywhere."""

    code: str
    name: str
    kind: ChannelKind = ChannelKind.WEB
    locations: tuple[str, ...] = ()
    view: View = NO_VIEW
    min_life_days: int = 0
    silence: SilenceSettings = SilenceSettings()


class SkuView(NamedTuple):
    """A SKU's own view in a channel; `NO_VIEW`: the channel's again."""

    sku: str
    view: View


class ChangeChannel(NamedTuple):
    """Replace a channel's settings. `channel_id` is who asks for it."""

    channel_id: int
    channel: ChannelSettings


class ChangeChannelSkus(NamedTuple):
    """Set the views of SKUs in the channel of this code."""

    channel_id: int
    channel: str
    skus: tuple[SkuView, ...]
    skip_refused: bool = False


class PresentChannel(NamedTuple):
    """What exists of what a command names, under the channel's lock. `channel_id` None: the channel is new. `locations`
    and `skus`: their numbers by code; `views`: those of the SKUs, which may have nothing set."""

    channel_id: int | None
    settings: ChannelSettings | None
    locations: Mapping[str, int]
    skus: Mapping[str, int] = {}
    views: Mapping[str, View] = {}


class ChannelChange(NamedTuple):
    """What to write, if it `moved`, and what to answer. `views`: those that differ from now on; `unchanged` is of them
    too, as `refused`, by position, is."""

    settings: ChannelSettings | None
    moved: bool
    views: tuple[SkuView, ...] = ()
    unchanged: int = 0
    refused: Mapping[int, Refusal] = {}


NOTHING = ChannelChange(None, moved=False)


def change(present: PresentChannel, command: ChangeChannel) -> ChannelChange:
    """Raises LOCATION_NOT_FOUND."""
    for position, location in enumerate(command.channel.locations):
        if location not in present.locations:
            refusal = location_not_found(location)
            refusal.field = f"channel.locations[{position}]"
            raise refusal
    before = SilenceSettings() if present.settings is None else present.settings.silence
    wished = command.channel._replace(silence=command.channel.silence.kept(before))
    return ChannelChange(wished, moved=wished != present.settings)


def change_views(present: PresentChannel, command: ChangeChannelSkus) -> ChannelChange:
    """Raises CHANNEL_NOT_FOUND; of the first refused row, unless such rows are skipped, SKU_NOT_FOUND, CODE_TAKEN."""
    if present.settings is None:
        raise channel_not_found(command.channel)
    refused: dict[int, Refusal] = {}
    asked: dict[str, View] = {}
    for position, (sku, view) in enumerate(command.skus):
        try:
            _may(present, sku, twice=sku in asked)
        except Refusal as refusal:
            refusal.field = f"skus[{position}].sku"
            if not command.skip_refused:
                raise
            refused[position] = refusal
        else:
            asked[sku] = view
    views = tuple(SkuView(sku, view) for sku, view in asked.items() if view != present.views.get(sku, NO_VIEW))
    return ChannelChange(present.settings, bool(views), views, len(asked) - len(views), refused)


def _may(present: PresentChannel, sku: str, *, twice: bool) -> None:
    if twice:
        raise Refusal(Reason.CODE_TAKEN, f"sku {sku!r} stands twice in the request", metadata={"sku": sku})
    if sku not in present.skus:
        raise sku_not_found(sku)
