"""Reservations: requests become commands; everything wrong with a request is said here, with the path of the field."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from inventory.domain.code import free_text, is_code, location_code, sku_code
from inventory.domain.limits import (
    HOLD_TTL_MAX,
    HOLD_TTL_MIN,
    LINES_MAX,
    OWNER_BYTES_MAX,
    QUANTITY_MAX,
    REASON_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)
from inventory.domain.reallocation import Move, Reallocate
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Commit, Extend, Fulfil, Pickup, Release, ReservationState, Reserve
from inventory.domain.sourcing import Sourcing, Strategy
from inventory.domain.topology import Use
from inventory.postgres.identity import UUID
from inventory.rpc import parse
from inventory.v1 import availability_service_pb2 as availability_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2

_FILL_POLICIES = frozenset(reservation_pb2.FillPolicy.values())
BY_PRIORITY = Sourcing()
_STRATEGIES = frozenset(reservation_pb2.SourcingStrategy.values())


def reserve(
    request: reservation_pb2.ReserveRequest, lines: parse.Lines, channel_id: int, new_id: UUID, path: str = ""
) -> Reserve:
    """`lines`: the request's; `path` is the prefix of the fields' paths, such as `requests[3].`."""
    ttl = None
    promise = request.WhichOneof("promise")
    if promise == "hold_ttl":
        ttl = _ttl(request.hold_ttl, f"{path}hold_ttl")
    elif promise is None or not request.allocate:
        raise Refusal(Reason.FIELD_REQUIRED, "say hold_ttl, or allocate = true", field=f"{path}promise")
    policy = request.fill_policy
    if policy not in _FILL_POLICIES:
        raise parse.unknown_enum(f"{path}fill_policy")
    if request.replace_owner_holds and not request.owner:
        raise Refusal(Reason.FIELD_CONFLICT, "replace_owner_holds needs owner", field=f"{path}replace_owner_holds")
    use = parse.purpose(request.purpose, f"{path}purpose")
    collected = None
    if request.HasField("pickup"):
        use, collected = Use.PICKUP, pickup(request, path)
    return Reserve(
        channel_id,
        new_id,
        asks(lines, path, required=True),
        ttl,
        policy == reservation_pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE,
        free_text(request.owner, OWNER_BYTES_MAX, f"{path}owner"),
        free_text(request.reference, REFERENCE_BYTES_MAX, f"{path}reference"),
        request.replace_owner_holds,
        use,
        sourcing(request.sourcing, f"{path}sourcing") if request.HasField("sourcing") else BY_PRIORITY,
        request.stock_only,
        collected,
    )


def pickup(request: reservation_pb2.ReserveRequest | availability_pb2.CheckAvailabilityRequest, path: str) -> Pickup:
    """Raises LOCATION_FORMAT, FIELD_CONFLICT."""
    if request.purpose not in (0, Use.PICKUP):
        raise Refusal(Reason.FIELD_CONFLICT, "what is collected is for pick-up", field=f"{path}purpose")
    for position, line in enumerate(request.lines):
        if line.location:
            raise Refusal(
                Reason.FIELD_CONFLICT, "a line names no location with pickup", field=f"{path}lines[{position}].location"
            )
    return Pickup(location_code(request.pickup.location, f"{path}pickup.location"), request.pickup.by_transfer)


def sourcing(message: reservation_pb2.Sourcing, path: str) -> Sourcing:
    """Raises FIELD_REQUIRED, POINT_OUT_OF_RANGE."""
    if message.strategy not in _STRATEGIES:
        raise parse.unknown_enum(f"{path}.strategy")
    destination = parse.point(message.destination, f"{path}.destination") if message.HasField("destination") else None
    strategy = Strategy(message.strategy or Strategy.PRIORITY)
    if strategy is Strategy.NEAREST and destination is None:
        raise Refusal(Reason.FIELD_REQUIRED, "nearest to where?", field=f"{path}.destination")
    return Sourcing(strategy, destination, message.split)


def commit(request: reservation_pb2.CommitRequest, lines: parse.Lines, channel_id: int) -> Commit:
    for position, line in enumerate(lines):
        if line.serials:
            message = "pieces are named when they are reserved, and when they leave"
            raise Refusal(Reason.FIELD_CONFLICT, message, field=f"lines[{position}].serials")
    return Commit(
        channel_id,
        parse.reservation_id(request.reservation_id),
        asks(lines, ""),
        free_text(request.reference, REFERENCE_BYTES_MAX, "reference"),
    )


def extend(request: reservation_pb2.ExtendRequest, channel_id: int) -> Extend:
    if not request.HasField("ttl"):
        raise Refusal(Reason.FIELD_REQUIRED, "ttl is required", field="ttl")
    return Extend(channel_id, parse.reservation_id(request.reservation_id), _ttl(request.ttl, "ttl"))


def release(request: reservation_pb2.ReleaseRequest, lines: parse.Lines, channel_id: int) -> Release:
    return Release(
        channel_id,
        parse.reservation_id(request.reservation_id),
        asks(lines, ""),
        free_text(request.reason, REASON_BYTES_MAX, "reason"),
    )


def fulfil(request: reservation_pb2.FulfilRequest, lines: parse.Lines, channel_id: int) -> Fulfil:
    return Fulfil(
        channel_id,
        parse.reservation_id(request.reservation_id),
        asks(lines, ""),
        free_text(request.reference, REFERENCE_BYTES_MAX, "reference"),
    )


def reallocate(request: reservation_pb2.ReallocateRequest, channel_id: int) -> Reallocate:
    identity = parse.reservation_id(request.reservation_id)
    parse.within(len(request.moves), LINES_MAX, "moves")
    moves = []
    for position, move in enumerate(request.moves):
        path = f"moves[{position}]"
        origin = location_code(move.from_location, f"{path}.from_location")
        target = location_code(move.to_location, f"{path}.to_location")
        if origin == target:
            raise Refusal(Reason.FIELD_CONFLICT, "a promise moves to another location", field=f"{path}.to_location")
        quantity = parse.quantity_between(move.quantity, f"{path}.quantity", 0, QUANTITY_MAX)
        moves.append(Move(sku_code(move.sku, f"{path}.sku"), origin, target, quantity))
    return Reallocate(channel_id, identity, tuple(moves), free_text(request.reason, REASON_BYTES_MAX, "reason"))


def state(number: int) -> ReservationState | None:
    if number == 0:
        return None
    try:
        return ReservationState(number)
    except ValueError:
        raise parse.unknown_enum("state") from None


def _ttl(message: Duration, field: str) -> timedelta:
    return parse.duration(message, field, HOLD_TTL_MIN, HOLD_TTL_MAX, Reason.TTL_OUT_OF_RANGE)


def asks(lines: parse.Lines, path: str, *, required: bool = False) -> tuple[Ask, ...]:
    """The same SKU and location twice is summed here, before anything is checked; then all of it names pieces or
    nothing. With `required` pieces are named of a location. Raises FIELD_CONFLICT, SERIAL_FORMAT and others."""
    if len(lines) > LINES_MAX:
        raise parse.too_many(f"{path}lines", LINES_MAX)
    if not lines:
        if required:
            raise Refusal(Reason.LINES_EMPTY, "at least one line is needed", field=f"{path}lines")
        return ()
    sums: dict[tuple[str, str], int] = {}
    pieces: dict[tuple[str, str], tuple[str, ...]] = {}
    named: set[tuple[str, str]] = set()
    for position, line in enumerate(lines):
        sku, location, quantity = line.sku, line.location, line.quantity
        if not is_code(sku):
            sku_code(sku, f"{path}lines[{position}].sku")
        if location and not is_code(location):
            location_code(location, f"{path}lines[{position}].location")
        total = sums.get((sku, location), 0) + quantity
        if not 0 < quantity <= QUANTITY_MAX or total > QUANTITY_MAX:
            parse.quantity_between(
                quantity if quantity <= 0 else total, f"{path}lines[{position}].quantity", 1, QUANTITY_MAX
            )
        sums[(sku, location)] = total
        if line.serials:
            numbers = _pieces(line, f"{path}lines[{position}].", named, placed=required)
            pieces[(sku, location)] = pieces.get((sku, location), ()) + numbers
    if not pieces:
        return tuple([Ask(sku, location, quantity) for (sku, location), quantity in sums.items()])
    return tuple(_ask(key, quantity, pieces.get(key, ()), path) for key, quantity in sums.items())


def _pieces(line: core_pb2.LineQuantity, path: str, named: set[tuple[str, str]], *, placed: bool) -> tuple[str, ...]:
    numbers = parse.serials(line.serials, line.sku, path, named)
    if len(numbers) != line.quantity or (placed and not line.location):
        message = "a line that names pieces names as many as its quantity, and of a reservation the place"
        raise Refusal(Reason.FIELD_CONFLICT, message, field=f"{path}serials")
    return numbers


def _ask(key: tuple[str, str], quantity: int, pieces: tuple[str, ...], path: str) -> Ask:
    if pieces and len(pieces) != quantity:
        message = f"SKU {key[0]!r} is in a line that names pieces, and in one that names none"
        raise Refusal(Reason.FIELD_CONFLICT, message, field=f"{path}lines")
    return Ask(*key, quantity, pieces)
