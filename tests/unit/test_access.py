"""What an access covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.access import FULL_ACCESS, NO_ACCESS, Access

WORDS = st.text("ab/%_", max_size=6)


@pytest.mark.parametrize(
    ("allowed", "category", "covered"),
    [
        ((), "", True),
        ((), "food", True),
        (("food",), "food", True),
        (("food",), "food/dairy", True),
        (("food",), "food/dairy/milk", True),
        (("food",), "food ", False),
        (("food",), "foods", False),
        (("food",), "foo", False),
        (("food",), "Food", False),
        (("food",), "", False),
        (("food",), "pet/food", False),
        (("food/dairy",), "food", False),
        (("food", "tools"), "tools/saws", True),
        (("f_od", "f%"), "food", False),
    ],
)
def test_a_category_covers_those_below_it(allowed: tuple[str, ...], category: str, covered: bool) -> None:
    assert Access(categories=allowed).covers_category(category) is covered


@given(st.lists(WORDS, min_size=1, max_size=3), WORDS)
def test_a_category_is_covered_by_itself_and_by_what_it_stands_below(allowed: list[str], category: str) -> None:
    parts = category.split("/")
    above = {"/".join(parts[: number + 1]) for number in range(len(parts))}
    assert Access(categories=tuple(allowed)).covers_category(category) is bool(above & set(allowed))


def test_places_are_limited_by_number() -> None:
    limited = Access(location_ids=frozenset({1, 2}))
    assert [limited.covers_location(number) for number in (1, 2, 3)] == [True, True, False]
    assert NO_ACCESS.covers_location(3)


@pytest.mark.parametrize(
    ("access", "limited"),
    [
        (NO_ACCESS, False),
        (FULL_ACCESS, False),
        (Access(requests_per_s=5, streams_max=2), False),
        (Access(location_ids=frozenset({1})), True),
        (Access(categories=("food",)), True),
        (Access(held_per_sku_max=1), True),
    ],
)
def test_only_who_is_limited_is_checked(access: Access, limited: bool) -> None:
    assert access.limits is (access if limited else None)
