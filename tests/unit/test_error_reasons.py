"""One set of reasons: the domain's, the API's, and the table of codes say the same."""

import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from inventory.domain.refusal import Reason, Refusal, Shortage, channel_silent, reservation_not_found
from inventory.engine import failures
from inventory.rpc.errors import BY_NUMBER, CODES, DOMAIN, status
from inventory.v1 import error_reason_pb2

PROTO = (Path(__file__).parents[2] / "proto/inventory/v1/error_reason.proto").read_text("utf-8")
PREFIX = "ERROR_REASON_"
NAMES = [name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.keys()]  # noqa: SIM118 - no dict
COMMENTS = {
    name: comment for comment, name in re.findall(r"((?:^  //.*\n)+)^  ERROR_REASON_(\w+) = \d+;", PROTO, re.MULTILINE)
}


def test_the_domain_and_the_api_have_the_same_reasons() -> None:
    assert {reason.value for reason in Reason} == set(NAMES) - {"UNSPECIFIED"}
    assert all(reason.name == reason.value for reason in Reason)


def test_every_reason_has_one_code() -> None:
    assert set(CODES) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_comment_names_the_code_and_gives_an_example(reason: Reason) -> None:
    comment = COMMENTS[reason]
    code = re.match(r"  // ([A-Z_]+)[:,]", comment)
    assert code, comment
    assert code[1] == CODES[reason].name
    assert "// Example: " in comment


@pytest.mark.parametrize("reason", Reason)
def test_who_is_told_to_retry_finds_retry_info(reason: Reason) -> None:
    errors = [error for error in _engine_errors() if error.reason == reason and error is not failures.EngineError]
    promised = "RetryInfo" in COMMENTS[reason]
    for error in errors:
        assert (error.retry_after_s is not None) is promised, error.__name__


def _engine_errors() -> list[type[failures.EngineError]]:
    import inventory.rpc.watch  # noqa: F401 - it has one of its own

    return [failures.EngineError, *failures.EngineError.__subclasses__()]


def test_every_grpc_code_is_found_by_its_number() -> None:
    assert {BY_NUMBER[code.value[0]] for code in grpc.StatusCode} == set(grpc.StatusCode)


def details(error: Refusal | failures.EngineError) -> dict[str, object]:
    found = {}
    for packed in status(error).details:
        name = packed.TypeName().rpartition(".")[2]
        message = getattr(error_details_pb2, name)()
        assert packed.Unpack(message)
        found[name] = message
    return found


def test_a_refusal_carries_what_a_program_needs() -> None:
    refusal = reservation_not_found("7")
    assert status(refusal).code == grpc.StatusCode.NOT_FOUND.value[0]
    assert details(refusal) == {
        "ErrorInfo": error_details_pb2.ErrorInfo(
            reason="RESERVATION_NOT_FOUND", domain=DOMAIN, metadata={"reservation_id": "7"}
        ),
        "ResourceInfo": error_details_pb2.ResourceInfo(resource_type="reservation", resource_name="7"),
    }


def test_a_field_at_fault_is_named_only_where_the_request_itself_is_wrong() -> None:
    assert "BadRequest" in details(Refusal(Reason.SKU_FORMAT, "no", field="sku"))
    assert "BadRequest" not in details(Refusal(Reason.BELOW_PROMISED, "no", field="adjustments[3]"))


def test_what_passes_by_itself_says_when() -> None:
    found = details(channel_silent())["RetryInfo"]
    assert isinstance(found, error_details_pb2.RetryInfo)
    assert found.retry_delay.ToMilliseconds() == 1_000


def test_an_error_stays_small_however_much_is_short() -> None:
    shortages = tuple(Shortage("s" * 64, "l" * 64, 10**9, 10**9) for _ in range(200))
    refusal = Refusal(Reason.INSUFFICIENT_STOCK, "short", shortages=shortages)
    assert len(status(refusal).SerializeToString()) < 6_000, "8 KiB of metadata in base64 are 6 KiB"


def test_a_defect_tells_nothing() -> None:
    found = status(failures.Defect())
    assert found.code == grpc.StatusCode.INTERNAL.value[0]
    assert details(failures.Defect()) == {"ErrorInfo": error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)}
