"""What stock and reservations should be, as plain dictionaries, said again without the domain's code.

A command gives `("ok", answer)` or `("refused", reason)`; a refused one leaves the model as it was.
"""

from copy import deepcopy
from typing import Any

Place = tuple[str, str]
Expected = tuple[str, Any]

QUANTITIES = (
    "on_hand",
    "held",
    "allocated",
    "quality_control",
    "damaged",
    "quarantined",
    "backordered",
    "in_transit",
    "incoming",
)
PARTS = ("requested", "held", "allocated", "backordered", "fulfilled", "released")
UNSELLABLE = ("quality_control", "damaged", "quarantined")
THRESHOLDS = ("safety_stock", "reorder_point", "backorder_limit")
EMPTY = dict.fromkeys(QUANTITIES, 0) | dict.fromkeys(THRESHOLDS)


class Refused(Exception):
    """Its argument is the reason."""


def available(level: dict[str, Any]) -> int:
    taken = sum(level[name] for name in ("held", "allocated", *UNSELLABLE))
    return int(level["on_hand"] - taken)


def room(level: dict[str, Any]) -> int:
    """How much more may be back-ordered."""
    return int(max((level["backorder_limit"] or 0) - level["backordered"], 0))


def sound(level: dict[str, Any]) -> bool:
    """I1, and that unsellable goods lie on the shelf."""
    return (
        available(level) >= 0
        and (level["backorder_limit"] is None or level["backordered"] <= level["backorder_limit"])
        and all(level[name] >= 0 for name in QUANTITIES)
        and level["on_hand"] >= sum(level[name] for name in UNSELLABLE)
    )


class Model:
    """`now` is in seconds since the start; only `advance` moves it."""

    def __init__(self, skus: set[str], retired: set[str], locations: set[str]) -> None:
        self.skus = skus
        self.retired = retired
        self.locations = locations
        self.now = 0
        self.accepted = 0
        self.levels: dict[Place, dict[str, Any]] = {}
        self.reservations: dict[str, dict[str, Any]] = {}

    def level(self, place: Place) -> dict[str, Any]:
        return self.levels.setdefault(place, dict(EMPTY))

    def attempt(self, command: str, *arguments: Any, keep: bool = True, **named: Any) -> Expected:
        """Runs one of the commands below; with `keep` false only to see what would come of it."""
        before = deepcopy((self.levels, self.reservations))
        try:
            result: Expected = ("ok", getattr(self, command)(*arguments, **named))
        except Refused as refused:
            result = ("refused", refused.args[0])
            keep = False
        if not keep:
            self.levels, self.reservations = before
        return result

    def advance(self, seconds: int) -> None:
        self.now += seconds
        for reservation in self.reservations.values():
            if reservation["state"] == "HELD" and reservation["expires"] <= self.now:
                self._give_back_holds(reservation, "EXPIRED")

    def reserve(
        self,
        name: str,
        lines: dict[Place, int],
        *,
        ttl: int | None,
        partial: bool = False,
        owner: str = "",
        replace: bool = False,
    ) -> Any:
        if replace:
            for earlier in self.reservations.values():
                if earlier["owner"] == owner and earlier["state"] == "HELD":
                    self._give_back_holds(earlier, "RELEASED")
        kind = "allocated" if ttl is None else "held"
        made: list[tuple[Place, dict[str, int]]] = []
        short = False
        for place, quantity in lines.items():
            self._known(place)
            if place[0] in self.retired:
                raise Refused("SKU_RETIRED")
            level = self.level(place)
            from_shelf = min(quantity, max(available(level) - level["backordered"], 0))
            beyond = quantity - from_shelf
            if beyond > room(level):
                short = True
                beyond = room(level) if partial else 0
            grants = [(place, dict.fromkeys(PARTS, 0) | {"requested": from_shelf, kind: from_shelf})] * bool(from_shelf)
            grants += [(place, dict.fromkeys(PARTS, 0) | {"requested": beyond, "backordered": beyond})] * bool(beyond)
            grants = grants or [(place, dict.fromkeys(PARTS, 0))]
            grants[-1][1]["requested"] += quantity - from_shelf - beyond
            level[kind] += from_shelf
            level["backordered"] += beyond
            made += grants
        if short and not (partial and any(_live(line) for _, line in made)):
            raise Refused("INSUFFICIENT_STOCK")
        self.accepted += 1
        self.reservations[name] = {
            "state": "ALLOCATED" if ttl is None else "HELD",
            "expires": None if ttl is None else self.now + ttl,
            "owner": owner,
            "accepted": self.accepted,
            "lines": made,
        }
        return self.seen(name)

    def commit(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD",))
        for line, level, quantity in self._chosen(reservation, asks, ("held",)):
            for thing in (line, level):
                thing["held"] -= quantity
                thing["allocated"] += quantity
        return self._saved(name, accepted=not asks)

    def extend(self, name: str, ttl: int) -> Any:
        self._live(name, ("HELD",))["expires"] = self.now + ttl
        return self.seen(name)

    def release(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD", "ALLOCATED"))
        for line, level, quantity in self._chosen(reservation, asks, ("held", "allocated", "backordered")):
            from_waiting = min(quantity, line["backordered"])
            from_held = min(quantity - from_waiting, line["held"])
            for thing in (line, level):
                thing["backordered"] -= from_waiting
                thing["held"] -= from_held
                thing["allocated"] -= quantity - from_waiting - from_held
            line["released"] += quantity
        return self._saved(name)

    def fulfil(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD", "ALLOCATED"))
        if not any(line["allocated"] for _, line in reservation["lines"]):
            raise Refused("RESERVATION_STATE")
        for line, level, quantity in self._chosen(reservation, asks, ("allocated",)):
            line["allocated"] -= quantity
            line["fulfilled"] += quantity
            level["allocated"] -= quantity
            level["on_hand"] -= quantity
        return self._saved(name)

    def adjust(self, rows: list[tuple[Place, int, str | None, int | None]], *, skip: bool) -> Any:
        after, refused = [], {}
        for position, (place, delta, disposition, expected) in enumerate(rows):
            present = 0
            try:
                self._known(place)
                present = self.level(place)["on_hand"]
                if expected not in {None, present}:
                    raise Refused("EXPECTATION_FAILED")
                self._correct(place, delta, disposition)
                after.append(self.level(place)["on_hand"])
                if delta > 0 and disposition is None:
                    self.fill(place)
            except Refused as refusal:
                if not skip:
                    raise
                refused[position] = refusal.args[0]
                after.append(present)
        return (tuple(after), refused)

    def count(self, place: Place, counted: int, expected: int) -> Any:
        self._known(place)
        present = self.level(place)["on_hand"]
        if present != expected:
            raise Refused("EXPECTATION_FAILED")
        self._correct(place, counted - present, None)
        if counted > present:
            self.fill(place)
        return self.looks(place)

    def set_thresholds(self, place: Place, values: tuple[int | None, int | None, int | None]) -> Any:
        self._known(place)
        after = self.level(place) | dict(zip(THRESHOLDS, values, strict=True))
        if not sound(after):
            raise Refused("BELOW_PROMISED")
        self.levels[place] = after
        return self.looks(place)

    def looks(self, place: Place) -> tuple[Any, ...]:
        return tuple(self.level(place)[name] for name in (*QUANTITIES, *THRESHOLDS))

    def seen(self, name: str) -> tuple[Any, ...]:
        reservation = self.reservations[name]
        return (reservation["state"], tuple(tuple(line.values()) for _, line in reservation["lines"]))

    def fill(self, place: Place) -> None:
        """What is available goes to those who wait, in order of acceptance."""
        level = self.level(place)
        for reservation in sorted(self.reservations.values(), key=lambda found: found["accepted"]):
            for where, line in reservation["lines"]:
                quantity = min(line["backordered"], max(available(level), 0))
                if where == place and quantity:
                    for thing in (line, level):
                        thing["backordered"] -= quantity
                        thing["held" if reservation["state"] == "HELD" else "allocated"] += quantity

    def _known(self, place: Place) -> None:
        if place[0] not in self.skus:
            raise Refused("SKU_NOT_FOUND")
        if place[1] not in self.locations:
            raise Refused("LOCATION_NOT_FOUND")

    def _correct(self, place: Place, delta: int, disposition: str | None) -> None:
        after = dict(self.level(place))
        after["on_hand"] += delta
        if disposition:
            after[disposition] += delta
        if not sound(after):
            raise Refused("BELOW_PROMISED")
        self.levels[place] = after

    def _live(self, name: str, states: tuple[str, ...]) -> dict[str, Any]:
        reservation = self.reservations.get(name)
        if reservation is None:
            raise Refused("RESERVATION_NOT_FOUND")
        if reservation["state"] == "EXPIRED":
            raise Refused("RESERVATION_EXPIRED")
        if reservation["state"] not in states:
            raise Refused("RESERVATION_STATE")
        return reservation

    def _chosen(
        self, reservation: dict[str, Any], asks: dict[Place, int], names: tuple[str, ...]
    ) -> list[tuple[dict[str, int], dict[str, Any], int]]:
        has = [(place, line, sum(line[name] for name in names)) for place, line in reservation["lines"]]
        if not asks:
            return [(line, self.level(place), there) for place, line, there in has if there]
        chosen = []
        for (sku, location), quantity in asks.items():
            left = quantity
            for place, line, there in has:
                taken = min(left, there) if place == (sku, location or place[1]) else 0
                if taken:
                    chosen.append((line, self.level(place), taken))
                    left -= taken
            if left:
                raise Refused("EXCEEDS_HELD")
        return chosen

    def _give_back_holds(self, reservation: dict[str, Any], ended: str) -> None:
        for place, line in reservation["lines"]:
            for part in ("held", "backordered"):
                self.level(place)[part] -= line[part]
                line["released"] += line[part]
                line[part] = 0
        reservation["state"] = _state(reservation, ended, waiting="ALLOCATED")

    def _saved(self, name: str, *, accepted: bool = False) -> Any:
        """`accepted`: what the hold waits for is now an order's."""
        reservation = self.reservations[name]
        reservation["state"] = _state(
            reservation, "RELEASED", waiting="ALLOCATED" if accepted else reservation["state"]
        )
        return self.seen(name)


def _live(line: dict[str, int]) -> int:
    return line["held"] + line["allocated"] + line["backordered"]


def _state(reservation: dict[str, Any], ended: str, *, waiting: str) -> str:
    has = {part: any(line[part] for _, line in reservation["lines"]) for part in PARTS}
    if has["held"] or (has["backordered"] and waiting == "HELD"):
        return "HELD"
    if has["allocated"] or has["backordered"]:
        return "ALLOCATED"
    return "FULFILLED" if has["fulfilled"] else ended
