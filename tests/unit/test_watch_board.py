"""The live table of `inventory watch`: what it shows is whole, in a narrow terminal as in a wide one."""

import io

import pytest
from rich.console import Console

from inventory.cli.board import Board
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

LONG = core_pb2.Movement(
    revision=12_345_678,
    sku="S-" + "0" * 62,
    location="warehouse-" + "x" * 54,
    kind=core_pb2.MOVEMENT_KIND_FULFILMENT,
    channel="web-shop",
    reservation_id="0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01",
    reference="order-4711",
    delta=core_pb2.Quantities(on_hand=-2_000, allocated=-2_000),
    after=core_pb2.Quantities(on_hand=1_234_567, held=1_000, allocated=23_456, available=1_210_111),
)


def rendered(*movements: core_pb2.Movement, width: int) -> list[str]:
    board = Board(40)
    board.say("live")
    board.add([pb2.Change(movements=movements)], movements[-1].revision)
    console = Console(width=width, file=io.StringIO())
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_every_number_is_whole_and_only_long_codes_are_cut(width: int) -> None:
    lines = rendered(LONG, width=width)
    text = " ".join(" ".join(lines).split())
    for whole in ("1,234,567", "1,000", "23,456", "1,210,111", "12,345,678", "fulfilment", "on_hand -2,000,"):
        assert whole in text
    assert "allocated -2,000" in text
    assert max(map(len, lines)) <= width
    cut = [word.rstrip("…") for word in text.split() if word.endswith("…")]
    assert cut
    assert all(LONG.sku.startswith(word) or LONG.location.startswith(word) for word in cut)


@pytest.mark.parametrize("width", [80, 120])
def test_ordinary_codes_are_whole(width: int) -> None:
    movement = core_pb2.Movement(revision=7, sku="S-000017", location="shop-07", kind=core_pb2.MOVEMENT_KIND_HOLD)
    movement.delta.held = 2
    text = "\n".join(rendered(movement, width=width))
    assert text.count("S-000017") == text.count("shop-07") == 2
    assert "held +2" in text
    assert "…" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_channel_stands_among_the_changes(width: int) -> None:
    channel = channel_pb2.Channel(channel="amazon", locations=["dc-1"], view=channel_pb2.ChannelView(buffer=0))
    board = Board(40)
    board.add([pb2.Change(revision=7, channels=[channel])], 7)
    console = Console(width=width, file=io.StringIO())
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    text = " ".join(console.file.getvalue().split())
    assert "amazon" in text
    assert "sells from dc-1," in text
    assert "buffer 0" in text
    assert "1 changes seen" in text


def test_after_a_restore_nothing_stands_that_may_never_have_been() -> None:
    board = Board(40)
    board.add([pb2.Change(movements=[LONG])], LONG.revision)
    board.restored("the database was restored")
    board.say("live")
    console = Console(width=120, file=io.StringIO())
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert ("the database was restored" in shown, "1,234,567" in shown, "12,345,678" in shown) == (True, False, False)
