"""When memory is given back, as the process's size says."""

import pytest

from inventory.figures import giving_back
from inventory.figures.giving_back import GROWN_BYTES, PAUSE_MAX_LOOKS, GivingBack


async def test_what_is_in_use_at_first_is_tried_again_with_longer_and_longer_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 0
    monkeypatch.setattr(giving_back, "rss_bytes", lambda: size)
    giving = GivingBack(lambda: False)
    assert not await giving.look()
    size = 2 * GROWN_BYTES
    tried = [await giving.look() for _ in range(8)]
    assert tried == [True, False, True, False, False, True, False, False]
    size = 0
    assert not await giving.look()
    size = 2 * GROWN_BYTES
    looks = [await giving.look() for _ in range(10 * PAUSE_MAX_LOOKS)]
    assert looks[0], "what grows again is tried at once"
    assert sum(looks) < 10, "what stays is what it has grown to"
