"""Which exception a call's end becomes: every reason of the API, and whether something may have happened."""

from __future__ import annotations

import pickle

import pytest

from inventory.domain.refusal import Reason
from inventory.rpc.errors import CODES
from inventory_client import (
    Conflict,
    CursorLost,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PreconditionFailed,
    Refused,
    Unavailable,
)
from inventory_client.errors import Failure, error

UNDEFINED = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"}


@pytest.mark.parametrize("reason", CODES)
def test_every_error_but_five_codes_means_no_effect(reason: Reason) -> None:
    code = CODES[reason].name
    found = error(Failure(code, reason))
    refused = code not in UNDEFINED and reason != "REQUEST_IN_PROGRESS"
    assert isinstance(found, Refused) is refused
    assert isinstance(found, Unavailable) is not refused
    assert (found.code, found.reason) == (code, reason)


@pytest.mark.parametrize(
    ("code", "reason", "in_doubt", "expected"),
    [
        ("INVALID_ARGUMENT", "TEXT_FORMAT", False, InvalidRequest),
        ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND", False, NotFound),
        ("ALREADY_EXISTS", "CODE_TAKEN", False, Conflict),
        ("FAILED_PRECONDITION", "EXCEEDS_HELD", False, PreconditionFailed),
        ("FAILED_PRECONDITION", "EPOCH_CHANGED", False, CursorLost),
        ("OUT_OF_RANGE", "COMPACTED", False, CursorLost),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", False, Overloaded),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", True, OutcomeUnknown),  # an earlier try may have done it
        ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK", True, PreconditionFailed),  # an answer to the same request_id
        ("UNAVAILABLE", "CONTENTION", False, Unavailable),
        ("UNAVAILABLE", "CONTENTION", True, OutcomeUnknown),
        ("UNIMPLEMENTED", "", False, Refused),
        ("PERMISSION_DENIED", "", False, Refused),
    ],
)
def test_what_is_known_decides(code: str, reason: str, in_doubt: bool, expected: type[Exception]) -> None:
    found = error(Failure(code, reason), in_doubt=in_doubt)
    assert isinstance(found, expected)
    assert isinstance(found, OutcomeUnknown) is (expected is OutcomeUnknown)


def test_only_what_was_sent_and_not_denied_is_in_doubt() -> None:
    doubtful = [Failure(code) for code in UNDEFINED]
    doubtful += [Failure("UNAVAILABLE", "OUTCOME_UNKNOWN"), Failure("ABORTED", "REQUEST_IN_PROGRESS")]
    certain = [Failure("UNAVAILABLE", sent=False), Failure("ABORTED", "EXPECTATION_FAILED")]
    certain += [Failure("UNAVAILABLE", reason) for reason in ("SHUTTING_DOWN", "STORAGE_UNAVAILABLE", "CONTENTION")]
    assert all(failure.is_doubtful for failure in doubtful)
    assert not any(failure.is_doubtful for failure in certain)


def test_an_error_goes_through_a_queue_of_processes() -> None:
    found = pickle.loads(pickle.dumps(error(Failure("NOT_FOUND", "SKU_NOT_FOUND", "no such SKU"), "id")))
    assert (type(found), found.reason, found.request_id) == (NotFound, "SKU_NOT_FOUND", "id")
    assert str(found) == "SKU_NOT_FOUND: no such SKU"
