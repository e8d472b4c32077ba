"""What one channel may see of the stock."""

from inventory.domain.level import Level
from inventory.domain.topology import OVERSELL_UNLIMITED, SHARE_WHOLE_BP, View


def seen(view: View, raw: int) -> int:
    """Of so many: less the buffer, times the share, at most the cap."""
    left = max(raw - (view.buffer or 0), 0)
    if view.share_bp is not None:
        left = left * view.share_bp // SHARE_WHOLE_BP
    return left if view.cap is None else min(left, view.cap)


def room(view: View, oversell_limit: int | None, level: Level, backordered_elsewhere: int) -> int:
    """How much may be back-ordered at one place."""
    limit = oversell_limit if view.oversell_limit is None else view.oversell_limit
    own = OVERSELL_UNLIMITED if level.backorder_limit is None else level.backorder_limit - level.backordered
    if limit is None:
        return max(own, 0) if level.backorder_limit is not None else 0
    if limit < OVERSELL_UNLIMITED:
        own = min(own, limit - level.backordered - backordered_elsewhere)
    return max(own, 0)
