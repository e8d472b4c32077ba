"""Stock levels as the demo compares them."""

from inventory.v1 import core_pb2

Key = tuple[str, str]
"""SKU and location."""
Quantities = tuple[int, int, int, int, int, int]
"""on_hand, held, allocated, quality_control, damaged, quarantined."""

NOTHING: Quantities = (0, 0, 0, 0, 0, 0)


def quantities(message: core_pb2.Quantities) -> Quantities:
    return (
        message.on_hand,
        message.held,
        message.allocated,
        message.quality_control,
        message.damaged,
        message.quarantined,
    )


def available(of: Quantities) -> int:
    return of[0] - of[1] - of[2] - of[3] - of[4] - of[5]
