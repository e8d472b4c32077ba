"""What `make fuzz` sends can be sent again, and what it finds is said once."""

import random
from pathlib import Path

from tests.fuzz.campaign import FINDINGS_MAX, Found
from tests.fuzz.methods import Known, holder, leaves, methods
from tests.fuzz.mutation import Mutations

KNOWN = Known({"request_id": "0198f000-0000-7000-8000-000000000000", "sku": "pear", "location": "shop", "quantity": 1})


def test_the_same_seed_sends_the_same_bytes() -> None:
    def sent(seed: int) -> list[bytes]:
        mutations = Mutations(random.Random(seed), KNOWN, methods())
        return [mutations.next(method) for method in methods() * 3]

    assert sent(7) == sent(7)
    assert sent(7) != sent(8)


def test_every_service_of_the_package_is_found() -> None:
    proto = Path(__file__).parents[2] / "proto/inventory/v1"
    declared = {
        line.split()[1]
        for file in proto.glob("*_service.proto")
        for line in _lines(file)
        if line.startswith("service ")
    }
    assert {method.name.partition("/")[0] for method in methods()} == declared


def test_a_field_is_found_again_by_its_path() -> None:
    for method in methods():
        request = KNOWN.good(method.descriptor.input_type)
        for path, owner, field in leaves(request):
            found = holder(request, path)
            assert found.DESCRIPTOR is owner
            assert path.endswith(field.name)


def test_a_finding_is_kept_once_with_the_bytes_that_make_it(tmp_path: Path) -> None:
    found = Found(tmp_path / "fuzz")
    method = methods()[0]
    for body in (b"first", b"second"):
        found.defect(method, "INTERNAL", body, [("authorization", "Bearer secret"), ("odd", "x")])
    assert len(found.wrong) == 1
    assert "secret" not in found.wrong[0]
    (saved,) = (tmp_path / "fuzz").iterdir()
    assert saved.read_bytes() == b"first"
    for number in range(2 * FINDINGS_MAX):
        found.defect(method, f"INTERNAL {number}", b"", [])
    assert len(found.wrong) == FINDINGS_MAX


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
