"""Channels as rows of files: what is wrong is named, and what is written is read back."""

from pathlib import Path

import pytest

from inventory.cli import importing
from inventory.cli.channel_rows import CHANNEL_SKUS, CHANNELS, channel_row, channel_sku_row
from inventory.cli.failure import Failed
from inventory.cli.options import Server
from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2

NOBODY = importing.Options(server=Server(address="127.0.0.1:1"))


@pytest.mark.parametrize(
    ("header", "row", "complaint"),
    [
        ("channel", "WEB", "column channel: CHANNEL_FORMAT"),
        ("channel", "web\nweb", "CODE_TAKEN 'web' stands twice"),
        ("channel,kind", "web,shop", "column kind: CSV_ROW 'shop' is not one of web, pos, telephone, marketplace"),
        ("channel,locations", "web,A B A", "column locations: FIELD_CONFLICT 'A' stands twice in the order"),
        ("channel,locations", "web,A\tB \u200b", "column locations: LOCATION_FORMAT"),
        ("channel,locations", "web,[A]", "column locations: CSV_ROW '[A]' is not a JSON list of codes"),
        ("channel,locations", 'web,"[""A"", 1]"', "column locations: CSV_ROW"),
        ("channel,locations", "web," + "[" * 100_000, "column locations: CSV_ROW"),
        ("channel,locations", "web," + " ".join(f"L{n}" for n in range(1_001)), "column locations: TOO_MANY_LINES"),
        ("channel,buffer", "web,-1", "column buffer: QUANTITY_OUT_OF_RANGE buffer is 0 to 1000000000"),
        ("channel,cap", "web,1.5", "column cap: NOT_AN_INTEGER '1.5' is not a whole number"),
        ("channel,share_bp", "web,10001", "column share_bp: QUANTITY_OUT_OF_RANGE share_bp is 0 to 10000"),
        (
            "channel,oversell",
            "web,0",
            "column oversell: QUANTITY_OUT_OF_RANGE oversell is 1 to 1000000000, deny or allow",
        ),
        ("channel,oversell", "web,yes", "NOT_AN_INTEGER 'yes' is not deny, allow or a whole number"),
        ("channel,min_life_days", "web,3651", "column min_life_days: QUANTITY_OUT_OF_RANGE"),
        ("channel,name", "web," + "x" * 513, "column name: TEXT_FORMAT"),
    ],
)
def test_a_bad_file_of_channels_is_refused_whole(tmp_path: Path, header: str, row: str, complaint: str) -> None:
    assert complaint in refusal(importing.channels, tmp_path, f"{header}\n{row}\n")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("WEB,A,1", "column channel: CHANNEL_FORMAT"),
        ("web,,1", "column sku: SKU_FORMAT"),
        ("web,A,1\nweb,A,2", "CODE_TAKEN 'web A' stands twice"),
        ("web,A,1000000001", "column buffer: QUANTITY_OUT_OF_RANGE"),
    ],
)
def test_a_bad_file_of_channel_skus_is_refused_whole(tmp_path: Path, row: str, complaint: str) -> None:
    assert complaint in refusal(importing.channel_skus, tmp_path, f"channel,sku,buffer\n{row}\n")


def refusal(command: object, path: Path, content: str) -> str:
    file = path / "file.csv"
    file.write_text(content, "utf-8")
    with pytest.raises(Failed) as caught:
        command(file, options=NOBODY)  # type: ignore[operator]  # each is a command
    return " ".join(caught.value.lines)


@pytest.mark.parametrize(
    "locations", [[], ["A"], ["B", "A"], ["room 7", "A"], ["[x"], ["A", "[x"], ['say "hi"', "a,b"]]
)
@pytest.mark.parametrize("view", [{}, {"buffer": 0}, {"cap": 0, "share_bp": 0}, {"buffer": 10**9, "share_bp": 10_000}])
@pytest.mark.parametrize("oversell", [{}, {"deny": True}, {"allow": True}, {"limit": 10**9}])
def test_a_channel_is_read_back_as_it_was(locations: list[str], view: dict[str, int], oversell: dict[str, int]) -> None:
    seen = pb2.ChannelView(**view, oversell=core_pb2.OversellPolicy(**oversell) if oversell else None)  # type: ignore[arg-type]  # a table's value
    channel = pb2.Channel(
        channel="web", name="=1+1", kind=pb2.CHANNEL_KIND_POS, locations=locations, view=seen, min_life_days=7
    )
    assert CHANNELS.parse(channel_row(channel)) == channel
    row = pb2.ChannelSku(sku="A", view=seen)
    assert list(CHANNEL_SKUS.parse(channel_sku_row("web", row)).skus) == [row]
