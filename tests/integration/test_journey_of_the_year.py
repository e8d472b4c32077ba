"""The real source: what the demo promises about it holds."""

import subprocess
import sys
import unicodedata

import pytest

from inventory_demo.journey import Journey, load

LINES_MAX = 200
QUANTITY_MAX = 1_000_000_000


@pytest.fixture(scope="module")
def year() -> Journey:
    return load(None, seed=0)


def test_the_whole_year_is_accounted_for(year: Journey) -> None:
    assert len(year.products) == 92_331
    assert len(year.locations) == 457
    assert len(year.baskets) + year.baskets_emptied == 155_848
    lines = len(year.baskets.products) + year.duplicates_summed
    assert lines + sum(year.skipped.values()) == 1_469_307


def test_every_line_fits_the_limits_of_the_service(year: Journey) -> None:
    assert year.baskets.line_counts.max() == 161 <= LINES_MAX
    assert 0 < year.baskets.quantities.min() <= year.baskets.quantities.max() <= QUANTITY_MAX


def test_every_sold_product_is_stocked_and_every_text_is_printable_nfc(year: Journey) -> None:
    stocked = {int(product.code) for product in year.products if product.stocked}
    assert set(year.baskets.products.tolist()) <= stocked
    for product in year.products:
        texts = (product.code, product.name, product.category, product.brand, product.package_size)
        assert all(text.isprintable() and unicodedata.is_normalized("NFC", text) for text in texts)
        assert product.code
        assert product.name


def test_reading_it_does_not_import_pandas() -> None:
    program = "import sys; from inventory_demo.journey import load; load(100, 0); sys.exit('pandas' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
