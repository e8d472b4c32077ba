"""What is wrong with counted numbers is said before anything is sent: no server is needed here."""

from pathlib import Path

import pytest

from inventory.__main__ import run

COUNT = "0198f000-0000-7000-8000-000000000000"
BAD = "sku,counted,lot\nB,1.5,\n,1,\nB,3,\nB,4,\nB,4,L-1\nC,1,a\tb\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["B"], "NOT_AN_INTEGER"),
        (["B=many"], "NOT_AN_INTEGER"),
        (["B="], "NOT_AN_INTEGER"),
        (["=3"], "SKU_FORMAT"),
        (["B=-1"], "QUANTITY_OUT_OF_RANGE"),
        (["B=1000000000001"], "QUANTITY_OUT_OF_RANGE"),
        (["B=1", "--lot", "a\nb"], "LOT_FORMAT"),
        ([], "say SKU=NUMBER, or --csv FILE"),
        (["B=1", "--csv", "bad.csv"], "say SKU=NUMBER, or --csv FILE"),
        (["--csv", "bad.csv"], "row 2, column counted: NOT_AN_INTEGER"),
        (["--csv", "bad.csv"], "row 3, column sku: SKU_FORMAT"),
        (["--csv", "bad.csv"], "row 5, column sku: CSV_ROW 'B' stands twice"),
        (["--csv", "bad.csv"], "row 7, column lot: LOT_FORMAT"),
        (["--csv", "header.csv"], "CSV_HEADER"),
        (["--csv", "empty.csv"], "LINES_EMPTY"),
        (["--csv", "missing.csv"], "can't be read"),
    ],
)
def test_a_wrong_number_is_said_before_anything_is_sent(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in (("bad", BAD), ("header", "sku,quantity\nB,1\n"), ("empty", "sku,counted\n")):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["count", "record", COUNT, *arguments, "--server", "127.0.0.1:1"]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
