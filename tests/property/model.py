"""What stock and reservations should be, as plain dictionaries, said again without the domain's code.

A command gives `("ok", answer)` or `("refused", reason)`; a refused one leaves the model as it was.
"""

from copy import deepcopy
from typing import Any

Place = tuple[str, str]
Expected = tuple[str, Any]

QUANTITIES = ("on_hand", "held", "allocated", "quality_control", "damaged", "quarantined")
UNSELLABLE = ("quality_control", "damaged", "quarantined")
THRESHOLDS = ("safety_stock", "reorder_point", "backorder_limit")
EMPTY = dict.fromkeys(QUANTITIES, 0) | dict.fromkeys(THRESHOLDS)


class Refused(Exception):
    """Its argument is the reason."""


def promisable(level: dict[str, Any]) -> int:
    taken = sum(level[name] for name in ("held", "allocated", *UNSELLABLE))
    return int(level["on_hand"] - taken + (level["backorder_limit"] or 0))


def sound(level: dict[str, Any]) -> bool:
    """I1, and that unsellable goods lie on the shelf."""
    return (
        promisable(level) >= 0
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
        grants = {}
        for place, quantity in lines.items():
            self._known(place)
            if place[0] in self.retired:
                raise Refused("SKU_RETIRED")
            grants[place] = min(quantity, max(promisable(self.level(place)), 0))
        if grants != lines and not (partial and any(grants.values())):
            raise Refused("INSUFFICIENT_STOCK")
        kind = "allocated" if ttl is None else "held"
        for place, grant in grants.items():
            self.level(place)[kind] += grant
        self.reservations[name] = {
            "state": "ALLOCATED" if ttl is None else "HELD",
            "expires": None if ttl is None else self.now + ttl,
            "owner": owner,
            "lines": {
                place: {"requested": lines[place], "held": 0, "allocated": 0, "fulfilled": 0, "released": 0}
                | {kind: grant}
                for place, grant in grants.items()
            },
        }
        return self.seen(name)

    def commit(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD",))
        for line, level, quantity in self._chosen(reservation, asks, ("held",)):
            for thing in (line, level):
                thing["held"] -= quantity
                thing["allocated"] += quantity
        return self._saved(name)

    def extend(self, name: str, ttl: int) -> Any:
        self._live(name, ("HELD",))["expires"] = self.now + ttl
        return self.seen(name)

    def release(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD", "ALLOCATED"))
        for line, level, quantity in self._chosen(reservation, asks, ("held", "allocated")):
            from_held = min(quantity, line["held"])
            for thing in (line, level):
                thing["held"] -= from_held
                thing["allocated"] -= quantity - from_held
            line["released"] += quantity
        return self._saved(name)

    def fulfil(self, name: str, asks: dict[Place, int]) -> Any:
        reservation = self._live(name, ("HELD", "ALLOCATED"))
        if not any(line["allocated"] for line in reservation["lines"].values()):
            raise Refused("RESERVATION_STATE")
        for line, level, quantity in self._chosen(reservation, asks, ("allocated",)):
            if level["on_hand"] - sum(level[name] for name in UNSELLABLE) < quantity:
                raise Refused("INSUFFICIENT_STOCK")
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
        return (reservation["state"], tuple(tuple(line.values()) for line in reservation["lines"].values()))

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
        lines = reservation["lines"]
        has = {place: sum(line[name] for name in names) for place, line in lines.items()}
        wanted = asks or {place: quantity for place, quantity in has.items() if quantity}
        for place, quantity in wanted.items():
            if has.get(place, 0) < quantity:
                raise Refused("EXCEEDS_HELD")
        return [(lines[place], self.level(place), quantity) for place, quantity in wanted.items()]

    def _give_back_holds(self, reservation: dict[str, Any], ended: str) -> None:
        for place, line in reservation["lines"].items():
            self.level(place)["held"] -= line["held"]
            line["released"] += line["held"]
            line["held"] = 0
        reservation["state"] = _state(reservation, ended)

    def _saved(self, name: str) -> Any:
        reservation = self.reservations[name]
        reservation["state"] = _state(reservation, "RELEASED")
        return self.seen(name)


def _state(reservation: dict[str, Any], ended: str) -> str:
    for name, state in (("held", "HELD"), ("allocated", "ALLOCATED"), ("fulfilled", "FULFILLED")):
        if any(line[name] for line in reservation["lines"].values()):
            return state
    return ended
