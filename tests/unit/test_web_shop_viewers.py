"""Product pages are told of changes, and cost no more than their SKUs."""

import pytest

from inventory_web_shop import viewers
from inventory_web_shop.viewers import TooManyViewers, Viewers

NOW = 0.0


async def test_a_viewer_is_told_of_all_its_skus_first_and_then_of_each_that_changed_once() -> None:
    pages = Viewers()
    with pages.one_more(("A", "B")) as page:
        assert await page.changed(1) == ["A", "B"]
        for _ in range(10_000):
            pages.tell("B")
        pages.tell("C")
        assert await page.changed(1) == ["B"]
        assert await page.changed(NOW) == []


async def test_viewers_of_other_skus_are_not_told() -> None:
    pages = Viewers()
    with pages.one_more(("A",)) as first, pages.one_more(("A", "B")) as second:
        await first.changed(1)
        await second.changed(1)
        pages.tell("B")
        assert await first.changed(NOW) == []
        assert await second.changed(1) == ["B"]
    pages.tell("B")
    assert len(pages) == 0


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "VIEWERS_MAX", 1)
    pages = Viewers()
    with pages.one_more(("A",)), pytest.raises(TooManyViewers), pages.one_more(("A",)):
        pass
    with pages.one_more(("A",)):
        pass


async def test_the_end_wakes_everybody() -> None:
    pages = Viewers()
    with pages.one_more(("A",)) as page:
        await page.changed(1)
        pages.end()
        assert await page.changed(1) == []
        assert page.ended
