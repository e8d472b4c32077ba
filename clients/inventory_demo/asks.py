"""Whether a reservation's lines add up to what was asked for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from inventory.v1 import core_pb2
from inventory_demo.findings import Findings

Parts = Mapping[str, int]
"""What one bundle is made of: SKU and how many."""


def check_asks(
    reservation: core_pb2.Reservation,
    asked: Sequence[tuple[str, int]],
    bundles: Mapping[str, Parts],
    findings: Findings,
    *,
    partly: bool,
) -> None:
    """`asked`: SKU or bundle, each once, and how many of it, in the order of the request. Notes what is wrong."""
    given: defaultdict[int, Counter[str]] = defaultdict(Counter)
    requested: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for line in reservation.lines:
        promised = line.held + line.allocated + line.backordered + line.fulfilled + line.released
        given[line.ask][line.sku] += promised
        requested[line.ask][line.sku] += line.requested
        if promised > line.requested or line.backordered:
            findings.note("line beyond what was asked or there", f"{reservation.reservation_id} {line.sku}")
    if strangers := given.keys() - range(len(asked)):
        findings.note("lines that nobody asked for", f"{reservation.reservation_id}: {sorted(strangers)}")
    for ask, (code, quantity) in enumerate(asked):
        wrong = _wrong(given[ask], requested[ask], bundles.get(code, {code: 1}), quantity, partly=partly)
        if wrong:
            findings.note(wrong, f"{reservation.reservation_id}, {quantity} of {code}: {dict(given[ask])}")


def _wrong(given: Counter[str], requested: Counter[str], parts: Parts, quantity: int, *, partly: bool) -> str:
    if given.keys() - parts.keys():
        return "another SKU than asked for"
    units = {given[sku] // each for sku, each in parts.items()}
    if len(units) > 1 or any(given[sku] % each for sku, each in parts.items()):
        return "parts of a bundle that make no bundles"
    (whole,) = units
    if whole > quantity or (whole < quantity and not partly):
        return "lines that do not add up to what was asked"
    if requested and any(requested[sku] != quantity * each for sku, each in parts.items()):
        return "lines that tell of another request"
    return ""
