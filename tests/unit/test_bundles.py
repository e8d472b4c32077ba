"""Bundles, as tables: what may be made of what. A capital is a bundle, a small letter is none."""

import pytest

from inventory.domain.catalog import Catalog, CatalogChange, ChangeCatalog, Intent, Sku, change
from inventory.domain.goods import SkuKind
from inventory.domain.limits import COMPONENT_QUANTITY_MAX, LEAVES_MAX, QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal


def made(text: str) -> Sku:
    """`A=b2,C` is a bundle of two b and one C; `b` is goods."""
    code, _, parts = text.partition("=")
    components = tuple((part[0], int(part[1:] or 1)) for part in parts.split(",") if part)
    kind = SkuKind.BUNDLE if components else SkuKind.GOODS
    return Sku(code, code, "", "piece", 0, (), True, (), kind, components=components)


def decided(present: str, asked: str, intent: Intent = Intent.UPSERT, *, skip: bool = False) -> CatalogChange:
    there = {sku.code: sku for sku in map(made, present.split())}
    rows = tuple(map(made, asked.split()))
    named = {row.code for row in rows}
    catalog = Catalog(
        {code: sku for code, sku in there.items() if code in named},
        {},
        {},
        {code: sku.components for code, sku in there.items()},
    )
    return change(catalog, ChangeCatalog(1, intent, rows, skip_refused=skip))


CYCLE, DEEP, NONE = Reason.BUNDLE_CYCLE, Reason.BUNDLE_TOO_DEEP, Reason.SKU_NOT_FOUND


@pytest.mark.parametrize(
    ("present", "asked", "refused"),
    [
        ("a b", "C=a,b2", ""),
        ("", "C=a", f"{NONE} skus[0].components[0].sku"),
        ("a", "C=a,b", f"{NONE} skus[0].components[1].sku"),
        ("", "C=a a", ""),  # both new, the part after the whole
        ("", "C=A A=b b", ""),
        ("a B=a", "C=B", ""),
        ("a B=a C=B", "D=C", f"{DEEP} skus[0].components[0].sku"),
        ("a B=a C=B", "D=a,B,C", f"{DEEP} skus[0].components[2].sku"),
        ("a B=a D=a C=B", "B=D", f"{DEEP} skus[0].components[0].sku"),  # B is in C already
        ("a b C=b D=C", "b=a", f"{DEEP} skus[0].components"),  # b becomes a bundle three deep
        ("a b C=b", "b=a", ""),  # and only two deep here
        ("a B=a C=B", "C=a D=C", ""),  # made flatter first
        ("a B=a", "A=A", f"{CYCLE} skus[0].components[0].sku"),
        ("a", "A=A", f"{CYCLE} skus[0].components[0].sku"),
        ("a B=a A=B", "B=A", f"{CYCLE} skus[0].components[0].sku"),
        ("a B=a", "A=B B=A", f"{CYCLE} skus[0].components[0].sku"),
        ("", "A=B B=A", f"{CYCLE} skus[0].components[0].sku"),
        ("", "A=B B=C C=A", f"{CYCLE} skus[0].components[0].sku"),
        ("", "A=B B=C C=D D=A", f"{DEEP} skus[0].components[0].sku"),
        ("x A=B B=x", "x=A", f"{CYCLE} skus[0].components[0].sku"),
        ("x", "A=B B=C C=x", f"{DEEP} skus[0].components[0].sku"),
        ("a A=B B=a", "A=a B=A", ""),  # turned round
        ("a B=a C=B", "B", ""),  # no bundle any more
    ],
)
def test_what_may_be_made_of_what(present: str, asked: str, refused: str) -> None:
    if not refused:
        found = decided(present, asked)
        assert {sku.code for sku in found.skus} == {made(text).code for text in asked.split()}
        return
    reason, field = refused.split()
    with pytest.raises(Refusal) as caught:
        decided(present, asked)
    assert (caught.value.reason, caught.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("present", "asked", "refused"),
    [
        ("a", "A=B B=A C=a", {0: CYCLE, 1: NONE}),
        ("a B=a", "A=B B=A C=a", {0: CYCLE, 1: NONE}),  # A is not made, so B would contain what is not there
        ("a", "A=B B=x C=a", {0: NONE, 1: NONE}),
        ("a", "A=a A=B B=a", {1: Reason.CODE_TAKEN}),
        ("a", "A=B A=a B=a", {1: Reason.CODE_TAKEN}),
    ],
)
def test_a_refused_row_is_not_there_for_the_others(present: str, asked: str, refused: dict[int, Reason]) -> None:
    found = decided(present, asked, skip=True)
    assert {row: refusal.reason for row, refusal in found.refused.items()} == refused
    assert list(found.refused) == sorted(found.refused)


def bundle(code: str, components: dict[str, int]) -> Sku:
    return made(code)._replace(kind=SkuKind.BUNDLE, components=tuple(components.items()))


def size(present: list[Sku], *asked: Sku) -> Reason | None:
    catalog = Catalog(
        {sku.code: sku for sku in present if sku.code in {row.code for row in asked}},
        {},
        {},
        {sku.code: sku.components for sku in present},
    )
    try:
        change(catalog, ChangeCatalog(1, Intent.UPSERT, asked))
    except Refusal as refusal:
        return refusal.reason
    return None


def test_what_a_bundle_takes_of_one_sku_in_the_end_is_a_quantity() -> None:
    a, most = made("a"), COMPONENT_QUANTITY_MAX
    rest = QUANTITY_MAX // most
    inner = bundle("B", {"a": most})
    assert size([a, inner], bundle("C", {"B": rest})) is None
    assert size([a, inner], bundle("C", {"B": rest + 1})) == Reason.QUANTITY_OUT_OF_RANGE
    assert size([a, inner], bundle("C", {"B": rest, "a": 1})) == Reason.QUANTITY_OUT_OF_RANGE, "both ways are summed"
    outer = bundle("C", {"B": rest + 1})
    assert size([a, bundle("B", {"a": 1}), outer], inner) == Reason.QUANTITY_OUT_OF_RANGE, "of a bundle it is in"


def test_a_bundle_is_made_of_a_bounded_number_of_skus() -> None:
    parts = [made("x")._replace(code=f"x{n}") for n in range(LEAVES_MAX + 1)]
    few = {f"x{n}": 1 for n in range(50)}
    inner = [bundle(f"B{n}", {f"x{m}": 1 for m in range(n * 50, n * 50 + 50)}) for n in range(LEAVES_MAX // 50)]
    all_of_them = dict.fromkeys((sku.code for sku in inner), 1)
    assert size([*parts, *inner], bundle("C", all_of_them | few)) is None
    assert size([*parts, *inner], bundle("C", all_of_them | {f"x{LEAVES_MAX}": 1})) == Reason.TOO_MANY_LINES


def test_a_part_of_a_bundle_may_be_inactive_and_change_what_else_it_is() -> None:
    retired = made("a")._replace(active=False)
    assert size([retired], bundle("C", {"a": 1})) is None
    assert size([made("a"), bundle("C", {"a": 1})], retired._replace(kind=SkuKind.VIRTUAL)) is None
