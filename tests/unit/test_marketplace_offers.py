"""What the marketplace is told next: the newest, the scarcest first, and nothing twice."""

import random

from inventory_client import Cursor
from inventory_marketplace.offers import OFFERS_A_CALL_MAX, Offer, Offers


def told(*numbers: tuple[str, int]) -> Offers:
    offers = Offers()
    offers.begin_snapshot()
    for sku, available in numbers:
        offers.tell(sku, available)
    offers.end_snapshot()
    return offers


def at(revision: int) -> Cursor:
    return Cursor(epoch="e", revision=revision)


def test_the_nearly_sold_out_come_first() -> None:
    offers = told(("plenty", 500), ("last", 1), ("gone", 0), ("few", 3))
    assert offers.take(3) == [Offer("gone", 0), Offer("last", 1), Offer("few", 3)]
    assert offers.take(3) == [Offer("plenty", 500)]


def test_one_that_becomes_scarce_while_it_waits_overtakes_the_others() -> None:
    offers = told(("a", 10), ("b", 20), ("c", 30))
    offers.tell("c", 2)
    assert offers.take(2) == [Offer("c", 2), Offer("a", 10)]


def test_one_that_becomes_plenty_while_it_waits_falls_back() -> None:
    offers = told(("a", 10), ("b", 20))
    offers.tell("a", 99)
    assert offers.take(1) == [Offer("b", 20)]


def test_every_tenth_place_goes_to_the_one_that_waits_longest() -> None:
    offers = told(("plenty", 1_000), *((f"few-{number}", 1) for number in range(30)))
    assert "plenty" not in {offer.sku for offer in offers.take(9)}
    assert [offer.sku for offer in offers.take(1)] == ["plenty"]


def test_only_the_newest_number_waits() -> None:
    offers = told(("a", 10))
    for revision in range(2, 5_000):
        offers.tell("a", revision)
    assert len(offers) == 1
    assert offers.take(10) == [Offer("a", 4_999)]


def test_a_call_has_at_most_1000_offers() -> None:
    offers = told(*((f"sku-{number}", number) for number in range(2_500)))
    assert [len(offers.take(9_999)) for _ in range(4)] == [OFFERS_A_CALL_MAX, OFFERS_A_CALL_MAX, 500, 0]


def test_what_the_marketplace_has_is_not_sent_again() -> None:
    offers = told(("a", 10))
    offers.accepted(offers.take(10))
    offers.tell("a", 9)
    offers.tell("a", 10)
    assert not offers.take(10)


def test_after_a_failed_call_the_newest_is_sent_even_if_it_is_what_was_shown_before() -> None:
    offers = told(("a", 5))
    offers.accepted(offers.take(10))
    offers.tell("a", 4)
    failed = offers.take(10)
    offers.tell("a", 5)
    offers.failed(failed)
    assert offers.take(10) == [Offer("a", 5)], "the 4 may have arrived"


def test_what_changed_while_it_was_on_its_way_is_sent_next() -> None:
    offers = told(("a", 5))
    first = offers.take(10)
    offers.tell("a", 4)
    assert not offers.take(10), "one call at a time knows of it"
    offers.accepted(first)
    assert offers.take(10) == [Offer("a", 4)]


def test_a_refused_offer_is_let_alone_until_its_number_changes() -> None:
    offers = told(("a", 5))
    offers.refused(offers.take(10))
    assert not offers.take(10)
    offers.tell("a", 4)
    assert offers.take(10) == [Offer("a", 4)]


def test_after_a_resume_only_what_is_told_is_sent() -> None:
    offers = Offers()
    offers.tell("a", 2)
    assert offers.take(10) == [Offer("a", 2)]


def test_skus_that_a_snapshot_does_not_name_are_sold_out_whatever_an_earlier_run_has_sent() -> None:
    offers = Offers()
    offers.begin_snapshot()
    offers.tell("a", 5)
    offers.end_snapshot(["a", "b"])
    assert offers.take(10) == [Offer("b", 0), Offer("a", 5)]


def test_what_a_new_snapshot_does_not_name_is_gone() -> None:
    offers = told(("a", 5), ("b", 6))
    offers.accepted(offers.take(10))
    offers.begin_snapshot()
    offers.tell("a", 5)
    assert not offers.take(10)
    offers.end_snapshot()
    assert offers.take(10) == [Offer("b", 0)]


def test_nothing_is_sent_while_a_snapshot_is_not_complete() -> None:
    offers = Offers()
    offers.begin_snapshot()
    offers.tell("a", 5)
    assert not len(offers)
    assert not offers.take(10)
    offers.end_snapshot()
    assert offers.take(10) == [Offer("a", 5)]


def test_a_bookmark_is_safe_when_everything_told_before_it_is_accepted() -> None:
    offers = told(("a", 5), ("b", 6))
    offers.bookmark(at(1))
    assert offers.safe() is None
    first = offers.take(1)
    offers.accepted(first)
    assert offers.safe() is None, "b still waits"
    offers.tell("a", 4)
    offers.bookmark(at(2))
    offers.accepted(offers.take(1))
    assert offers.safe() is None, "b still waits: a came first again"
    offers.accepted(offers.take(1))
    assert offers.safe() == at(2)
    assert offers.safe() is None, "each once"


def test_a_bookmark_is_not_safe_while_a_change_before_it_was_overtaken_by_its_call() -> None:
    offers = told(("a", 5))
    first = offers.take(1)
    offers.tell("a", 4)
    offers.bookmark(at(2))
    assert offers.safe() is None
    offers.accepted(first)
    assert offers.safe() is None, "the marketplace shows 5"
    offers.accepted(offers.take(1))
    assert offers.safe() == at(2)


def test_a_bookmark_becomes_safe_although_the_limit_never_lets_all_through() -> None:
    offers, safe = told(*((f"sku-{number}", 9) for number in range(30))), []
    for revision in range(2, 600):
        for step in range(3):
            offers.tell(f"sku-{(revision * 3 + step) % 30}", revision)
        offers.bookmark(at(revision))
        offers.accepted(offers.take(2))
        assert len(offers)
        if (cursor := offers.safe()) is not None:
            safe.append(cursor.revision)
    assert len(safe) > 5
    assert safe == sorted(safe)


class World:
    """A shop that sells at random, and a marketplace of which a failed call leaves open what it shows."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.offers = Offers()
        self.offers.begin_snapshot()
        self.offers.end_snapshot()
        self.revision = 0
        self.numbers: dict[str, list[tuple[int, int]]] = {}
        self.shown: dict[str, set[int]] = {}

    def sell(self) -> None:
        self.revision += 1
        sku, left = self.chance.choice("abcd"), self.chance.randrange(5)
        self.numbers.setdefault(sku, []).append((self.revision, left))
        self.offers.tell(sku, left)

    def call(self, most: int, *, reliable: bool = False) -> bool:
        offers = self.offers.take(most)
        if not reliable:
            for _ in range(self.chance.randrange(3)):
                self.sell()
        if reliable or self.chance.random() < 0.7:
            self.offers.accepted(offers)
            self.shown.update({offer.sku: {offer.available} for offer in offers})
        else:
            self.offers.failed(offers)
            for sku, available in offers:
                self.shown.setdefault(sku, set()).add(available)
        return bool(offers)

    def since(self, sku: str, revision: int) -> set[int]:
        """The numbers that the SKU had at this revision and after it."""
        before = [number for at, number in self.numbers[sku] if at <= revision]
        return {*before[-1:], *(number for at, number in self.numbers[sku] if at > revision)}


def test_whatever_happens_a_safe_bookmark_is_never_ahead_of_the_marketplace() -> None:
    for seed in range(300):
        world, safe = World(seed), 0
        for _ in range(120):
            match world.chance.randrange(4):
                case 0 | 1:
                    world.sell()
                case 2:
                    world.offers.bookmark(at(world.revision))
                case _:
                    world.call(world.chance.randrange(1, 4))
            if (cursor := world.offers.safe()) is not None:
                safe = cursor.revision
                for sku, numbers in world.numbers.items():
                    if numbers[0][0] <= safe:
                        assert world.shown[sku] <= world.since(sku, safe), f"seed {seed}: {sku} at {safe}"
        world.offers.bookmark(at(world.revision))
        while world.call(10, reliable=True):
            pass
        assert (last := world.offers.safe()) is not None
        assert last.revision == world.revision
        assert world.shown == {sku: {numbers[-1][1]} for sku, numbers in world.numbers.items()}


def test_what_the_marketplace_shows_wrong_is_sent_again() -> None:
    offers = told(("a", 10), ("b", 20))
    offers.accepted(offers.take(2))
    offers.correct("a", 7)
    assert offers.take(9) == [Offer("a", 10)], "what was told is newer than what was compared"
    offers.correct("c", 3)
    offers.correct("a", 7)
    offers.accepted([Offer("a", 10)])
    assert offers.take(9) == [Offer("c", 3)], "it was on its way"


def test_what_is_shown_wrong_during_a_snapshot_is_sent_after_it() -> None:
    offers = told(("a", 10))
    offers.accepted(offers.take(1))
    offers.begin_snapshot()
    offers.correct("a", 10)
    offers.correct("gone", 4)
    offers.tell("a", 10)
    offers.end_snapshot()
    assert sorted(offers.take(9)) == [Offer("a", 10), Offer("gone", 0)]
