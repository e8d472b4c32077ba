import pytest

from inventory.domain.code import channel_code, free_text, is_code, location_code, sku_code
from inventory.domain.refusal import Reason, Refusal


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("A-1", True),
        ("a", True),
        ("0", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("ü" * 32, True),
        ("ü" * 33, False),
        ("日" * 21, True),
        ("日" * 22, False),
        ("a b", True),
        ("a  b", True),
        (" a", False),
        ("a ", False),
        ("", False),
        (" ", False),
        ("Café", True),
        ("Cafe\u0301", False),
        ("'; DROP TABLE level; --", True),
        ("../../etc/passwd", True),
        ("{{7*7}}", True),
        ("=1+1", True),
        ("🛒", True),
        ("a\0", False),
        ("a\n", False),
        ("a\tb", False),
        ("a\x7f", False),
        ("a\x85b", False),
        ("a\u00a0b", False),
        ("a\u00adb", False),
        ("a\u200bb", False),
        ("a\u200db", False),
        ("a\u200eb", False),
        ("a\u202eb", False),
        ("a\u2028b", False),
        ("a\u3000b", False),
        ("\ufeffa", False),
        ("a\ud800", False),
        ("a\ue000", False),
        ("a\uffff", False),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else str(value),
)
def test_codes(text: str, good: bool) -> None:
    assert is_code(text) is good
    for check, reason in ((sku_code, Reason.SKU_FORMAT), (location_code, Reason.LOCATION_FORMAT)):
        if good:
            assert check(text, "field") == text
        else:
            with pytest.raises(Refusal) as refused:
                check(text, "lines[3].field")
            assert (refused.value.reason, refused.value.field) == (reason, "lines[3].field")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("web", True),
        ("till-7_b", True),
        ("x" * 32, True),
        ("x" * 33, False),
        ("", False),
        ("Web", False),
        ("a b", False),
        ("a.b", False),
        ("web\n", False),
        ("٣", False),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else str(value),
)
def test_channel_codes(text: str, good: bool) -> None:
    if good:
        assert channel_code(text) == text
    else:
        with pytest.raises(Refusal) as refused:
            channel_code(text)
        assert refused.value.reason == Reason.CHANNEL_FORMAT


@pytest.mark.parametrize(
    ("text", "required", "good"),
    [
        ("", False, True),
        ("", True, False),
        (" \n\t", True, False),
        (" \n\t", False, True),
        ("a\r\n\x1b[31m\u202e", True, True),
        ("a\0b", False, False),
        ("x" * 16, False, True),
        ("x" * 17, False, False),
        ("ü" * 8, False, True),
        ("ü" * 9, False, False),
        ("日" * 5, False, True),
        ("日" * 6, False, False),
        ("🛒" * 4, False, True),
        ("🛒" * 5, False, False),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else str(value),
)
def test_free_text_of_at_most_16_bytes(text: str, required: bool, good: bool) -> None:
    if good:
        assert free_text(text, 16, "reason", required=required) == text
    else:
        with pytest.raises(Refusal) as refused:
            free_text(text, 16, "reason", required=required)
        assert (refused.value.reason, refused.value.field) == (Reason.TEXT_FORMAT, "reason")
