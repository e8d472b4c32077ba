"""ReconciliationService: messages become values, values become messages."""

from typing import NamedTuple

from inventory.domain.code import free_text, location_code, sku_code
from inventory.domain.limits import (
    CHANNEL_LOCATIONS_MAX,
    RECONCILE_ROWS_MAX,
    RECONCILED_QUANTITY_MAX,
    REFERENCE_BYTES_MAX,
)
from inventory.domain.reconciliation import Answer, Counts, Judged, Number, Reconciliation, ReconciliationKind
from inventory.domain.refusal import Reason, Refusal
from inventory.rpc import parse
from inventory.v1 import reconciliation_service_pb2 as pb2


class Begin(NamedTuple):
    """What will be compared."""

    kind: ReconciliationKind
    reference: str
    list_missing: bool
    locations: tuple[str, ...]
    omit_equal: bool


def begin(request: pb2.ReconcileRequest) -> Begin:
    """Of the first message. Raises FIELD_REQUIRED, FIELD_CONFLICT, TEXT_FORMAT, LOCATION_FORMAT, TOO_MANY_LINES."""
    if request.WhichOneof("part") != "begin":
        raise Refusal(Reason.FIELD_REQUIRED, "the first message says what will be compared", field="begin")
    asked = request.begin
    found = kind(asked.kind, "begin.kind")
    if found is None:
        raise Refusal(Reason.FIELD_REQUIRED, "say what kind of numbers", field="begin.kind")
    if asked.locations and found is ReconciliationKind.AVAILABLE_TO_SELL:
        raise Refusal(Reason.FIELD_CONFLICT, "what a channel may sell is of all its locations", field="begin.locations")
    if len(asked.locations) > CHANNEL_LOCATIONS_MAX:
        raise parse.too_many("begin.locations", CHANNEL_LOCATIONS_MAX)
    return Begin(
        found,
        free_text(asked.reference, REFERENCE_BYTES_MAX, "begin.reference"),
        asked.list_missing,
        tuple(location_code(code, f"begin.locations[{n}]") for n, code in enumerate(asked.locations)),
        asked.omit_equal,
    )


def numbers(rows: pb2.ReconcileRows, kind: ReconciliationKind) -> list[Number]:
    """Raises LINES_EMPTY, TOO_MANY_LINES, SKU_FORMAT, LOCATION_FORMAT, FIELD_CONFLICT, QUANTITY_OUT_OF_RANGE,
    REVISION_FORMAT."""
    parse.within(len(rows.rows), RECONCILE_ROWS_MAX, "rows.rows")
    return [_number(row, f"rows.rows[{position}]", kind) for position, row in enumerate(rows.rows)]


def _number(row: pb2.ReconcileRow, path: str, kind: ReconciliationKind) -> Number:
    location = ""
    if kind is not ReconciliationKind.AVAILABLE_TO_SELL:
        location = location_code(row.location, f"{path}.location")
    elif row.location:
        raise Refusal(
            Reason.FIELD_CONFLICT, "what a channel may sell is of all its locations", field=f"{path}.location"
        )
    most = RECONCILED_QUANTITY_MAX
    if not -most <= row.quantity <= most:
        raise Refusal(
            Reason.QUANTITY_OUT_OF_RANGE,
            f"quantity is {-most} to {most}",
            field=f"{path}.quantity",
            metadata={"min": str(-most), "max": str(most)},
        )
    if row.revision < 0:
        raise Refusal(Reason.REVISION_FORMAT, "a revision is not negative", field=f"{path}.revision")
    if row.revision and kind is ReconciliationKind.AVAILABLE_TO_SELL:
        raise Refusal(
            Reason.FIELD_CONFLICT, "what a channel may sell is told as of the cursor", field=f"{path}.revision"
        )
    return Number(sku_code(row.sku, f"{path}.sku"), location, row.quantity, row.revision or None)


def kind(number: int, field: str) -> ReconciliationKind | None:
    """None: not said. Raises FIELD_REQUIRED."""
    if number not in pb2.ReconciliationKind.values():
        raise parse.unknown_enum(field)
    return ReconciliationKind(number) if number else None


def answer(number: int, field: str) -> Answer | None:
    """None: not said. Raises FIELD_REQUIRED."""
    if number not in pb2.ReconciliationAnswer.values():
        raise parse.unknown_enum(field)
    return Answer(number) if number else None


def row(judged: Judged) -> pb2.ReconciledRow:
    number, verdict = judged.number, judged.verdict
    return pb2.ReconciledRow(
        position=judged.position,
        sku=number.sku,
        location=number.location,
        answer=_ANSWERS[verdict.answer],
        given=number.quantity,
        current=verdict.current,
        delta=judged.delta,
        then=verdict.then,
        differs_since=verdict.differs_since,
        settings_changed_since=verdict.settings_changed_since,
    )


def reconciliation(found: Reconciliation) -> pb2.Reconciliation:
    return pb2.Reconciliation(
        reconciliation_id=str(found.reconciliation_id),
        channel=found.channel,
        kind=pb2.ReconciliationKind.Name(found.kind),
        state=pb2.ReconciliationState.Name(found.state),
        reference=found.reference,
        begun_at=found.begun_at,
        ended_at=found.ended_at,
        counts=pb2.ReconciliationCounts(**dict(zip(Counts._fields, found.counts, strict=True))),
        dropped=found.counts.differing - found.kept,
        revision=found.revision,
    )


_ANSWERS = {
    Answer.EQUAL: pb2.RECONCILIATION_ANSWER_EQUAL,
    Answer.BEHIND: pb2.RECONCILIATION_ANSWER_BEHIND,
    Answer.DRIFT: pb2.RECONCILIATION_ANSWER_DRIFT,
    Answer.UNKNOWN: pb2.RECONCILIATION_ANSWER_UNKNOWN,
    Answer.MISSING: pb2.RECONCILIATION_ANSWER_MISSING,
}
