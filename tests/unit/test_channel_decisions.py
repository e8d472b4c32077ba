"""What a command makes of a channel's settings: tables."""

from typing import Any

import pytest

from inventory.domain import channel
from inventory.domain.channel import ChangeChannel, ChangeChannelSkus, ChannelSettings, PresentChannel, SkuView
from inventory.domain.refusal import Refusal
from inventory.domain.topology import NO_VIEW, ChannelKind, View

WEB = ChannelSettings("web", "Web")
PLACES = {"A": 1, "B": 2}
SKUS = {"S": 1, "T": 2, "U": 3}


@pytest.mark.parametrize(
    ("present", "asked", "moved"),
    [
        (None, WEB, True),
        (WEB, WEB, False),
        (WEB, WEB._replace(name="Other"), True),
        (WEB, WEB._replace(kind=ChannelKind.POS), True),
        (WEB, WEB._replace(min_life_days=1), True),
        (WEB, WEB._replace(locations=("A",)), True),
        (WEB._replace(locations=("A", "B")), WEB._replace(locations=("A", "B")), False),
        (WEB._replace(locations=("A", "B")), WEB._replace(locations=("B", "A")), True),
        (WEB._replace(view=View(buffer=0)), WEB._replace(view=View(buffer=0)), False),
        *((WEB, WEB._replace(view=View(**{name: 0})), True) for name in View._fields),
        *((WEB._replace(view=View(**{name: 0})), WEB, True) for name in View._fields),
    ],
)
def test_settings_move_when_they_differ(present: ChannelSettings | None, asked: ChannelSettings, moved: bool) -> None:
    found = channel.change(PresentChannel(present and 7, present, PLACES), ChangeChannel(1, asked))
    assert (found.settings, found.moved, found.views) == (asked, moved, ())


def test_the_first_unknown_location_is_named() -> None:
    asked = WEB._replace(locations=("A", "X", "Y"))
    with pytest.raises(Refusal) as caught:
        channel.change(PresentChannel(7, WEB, PLACES), ChangeChannel(1, asked))
    assert (caught.value.reason, caught.value.field) == ("LOCATION_NOT_FOUND", "channel.locations[1]")


CAP = View(cap=1)
ZERO = View(buffer=0)


@pytest.mark.parametrize(
    ("present", "asked", "views", "unchanged"),
    [
        ({}, [("S", CAP)], [("S", CAP)], 0),
        ({}, [("S", ZERO)], [("S", ZERO)], 0),
        ({}, [("S", NO_VIEW)], [], 1),
        ({"S": CAP}, [("S", CAP)], [], 1),
        ({"S": CAP}, [("S", NO_VIEW)], [("S", NO_VIEW)], 0),
        ({"S": CAP}, [("S", ZERO), ("T", CAP), ("U", NO_VIEW)], [("S", ZERO), ("T", CAP)], 1),
    ],
)
def test_views_are_written_where_they_differ(
    present: dict[str, View], asked: list[Any], views: list[Any], unchanged: int
) -> None:
    command = ChangeChannelSkus(1, "web", tuple(SkuView(*row) for row in asked))
    found = channel.change_views(PresentChannel(7, WEB, {}, SKUS, present), command)
    assert (list(found.views), found.unchanged, found.moved) == (views, unchanged, bool(views))
    assert found.settings == WEB


def test_refused_rows_spoil_the_command_or_only_themselves() -> None:
    rows = tuple(SkuView(sku, CAP) for sku in ("S", "X", "S", "T"))
    present = PresentChannel(7, WEB, {}, SKUS, {})
    with pytest.raises(Refusal) as caught:
        channel.change_views(present, ChangeChannelSkus(1, "web", rows))
    assert (caught.value.reason, caught.value.field) == ("SKU_NOT_FOUND", "skus[1].sku")
    found = channel.change_views(present, ChangeChannelSkus(1, "web", rows, skip_refused=True))
    assert [view.sku for view in found.views] == ["S", "T"]
    assert {row: refusal.reason for row, refusal in found.refused.items()} == {1: "SKU_NOT_FOUND", 2: "CODE_TAKEN"}


def test_views_of_an_unknown_channel_are_refused() -> None:
    with pytest.raises(Refusal, match="no channel 'web'"):
        channel.change_views(PresentChannel(None, None, {}), ChangeChannelSkus(1, "web", (SkuView("S", CAP),)))
