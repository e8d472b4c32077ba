"""What a channel was shown of the stock, compared at every bookmark with what its view allows of the levels then."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory_client import Bookmark, Changes, Event, Latest, Restarted, SnapshotComplete, SnapshotPiece
from inventory_demo.bundles import Bundle
from inventory_demo.findings import Findings
from inventory_demo.quantities import Key, Quantities, available

WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class ViewRule:
    """What a channel may see: of the stock at these places, less the buffer, a share."""

    locations: frozenset[str]
    buffer: int = 0
    share_bp: int = WHOLE_BP
    bundles: tuple[Bundle, ...] = ()

    def allowed(self, free: Mapping[str, int]) -> int:
        """Of a SKU. `free`: what may be promised at each of the channel's places."""
        raw = sum(here for here in free.values() if here > 0)
        return max(raw - self.buffer, 0) * self.share_bp // WHOLE_BP

    def allowed_of(self, bundle: Bundle, free: Mapping[str, Mapping[str, int]]) -> int:
        """Whole ones out of the components: from one place each, or from wherever; and no more of a component than the
        channel may see of it."""
        by_part = [(free.get(sku, {}), each) for sku, each in bundle.parts]
        if bundle.from_several_places:
            whole = min(sum(max(here, 0) for here in places.values()) // each for places, each in by_part)
        else:
            whole = sum(
                min(max(places.get(location, 0), 0) // each for places, each in by_part) for location in by_part[0][0]
            )
        return min(whole, *(self.allowed(places) // each for places, each in by_part))


@dataclass(slots=True)
class ViewDoubter:
    """Follows stock and availability on one stream of every change: a bookmark is of both."""

    rule: ViewRule
    revision: int = 0
    shown: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    """How many times a SKU's number was compared."""
    bundle_looks: int = 0
    more: Findings = field(default_factory=Findings)
    less: Findings = field(default_factory=Findings)
    bundles_wrong: Findings = field(default_factory=Findings)
    _free: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    _touched: set[str] = field(default_factory=set)

    def take(self, event: Event) -> None:
        match event:
            case Restarted():
                self.shown.clear()
                self._free.clear()
                self._touched.clear()
            case SnapshotPiece(levels=levels, availability=availability):
                for level in levels:
                    self._put(level.sku, level.location, level.quantities)
                self._show(availability)
            case SnapshotComplete(cursor=cursor):
                self._touched.update(bundle.sku for bundle in self.rule.bundles)
                self._compare(cursor.revision)
            case Changes(changes=changes, cursor=cursor):
                for change in changes:
                    for movement in change.movements:
                        self._put(movement.sku, movement.location, movement.after)
                    self._show(change.availability)
                self._compare(cursor.revision)
            case Bookmark(cursor=cursor):
                self.revision = cursor.revision
            case Latest():
                raise TypeError("a stream of every change is needed")

    def differs(self, levels: Mapping[Key, Quantities]) -> list[tuple[str, str]]:
        """Where what it was shown last is not what it may see of these levels: the SKU or bundle, and how."""
        free: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (sku, location), of in levels.items():
            if location in self.rule.locations:
                free[sku][location] = available(of)
        allowed = {sku: self.rule.allowed(places) for sku, places in free.items()}
        allowed |= {bundle.sku: self.rule.allowed_of(bundle, free) for bundle in self.rule.bundles}
        return [
            (sku, f"{sku}: {self.shown.get(sku, 0)}, not {allowed.get(sku, 0)}")
            for sku in sorted({*allowed, *self.shown})
            if self.shown.get(sku, 0) != allowed.get(sku, 0)
        ]

    def _put(self, sku: str, location: str, quantities: core_pb2.Quantities) -> None:
        if location in self.rule.locations:
            self._free[sku][location] = quantities.available - quantities.backordered
            self._touched.add(sku)

    def _show(self, availability: Iterable[channel_pb2.ChannelAvailability]) -> None:
        for row in availability:
            self.shown[row.sku] = row.available_to_sell
            self._touched.add(row.sku)

    def _compare(self, revision: int) -> None:
        self.revision = revision
        bundles = {bundle.sku for bundle in self.rule.bundles}
        for sku in self._touched - bundles:
            self.looks += 1
            self._judge(sku, self.rule.allowed(self._free[sku]), self.more, self.less)
        for bundle in self.rule.bundles:
            if bundle.sku in self._touched or any(sku in self._touched for sku, _ in bundle.parts):
                self.bundle_looks += 1
                allowed = self.rule.allowed_of(bundle, self._free)
                self._judge(bundle.sku, allowed, self.bundles_wrong, self.bundles_wrong)
        self._touched.clear()

    def _judge(self, sku: str, allowed: int, more: Findings, less: Findings) -> None:
        shown = self.shown.get(sku, 0)
        if shown != allowed:
            (more if shown > allowed else less).note(
                "more than it may see" if shown > allowed else "less than it may see",
                f"{sku} at {self.revision}: {shown}, not {allowed}",
            )
