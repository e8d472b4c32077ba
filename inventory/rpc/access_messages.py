"""Accesses and credentials: requests become values, values become messages."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from inventory.domain.access import (
    CALLS_LIMIT_MAX,
    CATEGORIES_MAX,
    GRANTABLE,
    REQUESTS_PER_S_MAX,
    STREAMS_LIMIT_MAX,
    Access,
    Scope,
)
from inventory.domain.code import free_text, location_code
from inventory.domain.credential import Credential
from inventory.domain.limits import CATEGORY_BYTES_MAX, CHANNEL_LOCATIONS_MAX, QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.postgres.access import ChannelAccess
from inventory.rpc import formats, parse
from inventory.v1 import access_pb2
from inventory.v1 import access_service_pb2 as pb2

_GRANTABLE = frozenset(GRANTABLE)


class Certificate(NamedTuple):
    """A client certificate: what it is known by, whose it is, and when it ends."""

    digest: bytes
    subject: str
    ends_at: datetime


def parse_access(message: pb2.Access) -> tuple[Access, list[str]]:
    """What a channel shall be able to do, and the codes of its locations, whose numbers the database knows. Raises
    FIELD_REQUIRED, LOCATION_FORMAT, TEXT_FORMAT, TOO_MANY_LINES, QUANTITY_OUT_OF_RANGE."""
    access = Access(
        _scopes(message.scopes),
        frozenset(),
        _categories(message.categories),
        _limit(message, "requests_per_second", REQUESTS_PER_S_MAX),
        _limit(message, "requests_burst", REQUESTS_PER_S_MAX),
        _limit(message, "calls_max", CALLS_LIMIT_MAX),
        _limit(message, "streams_max", STREAMS_LIMIT_MAX),
        _limit(message, "held_per_sku_max", QUANTITY_MAX),
        message.certificate_required,
    )
    return access, _locations(message.locations)


def parse_certificate(pem: str) -> Certificate:
    """Raises CERTIFICATE_FORMAT."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        subject = found.subject.rfc4514_string()
        der = found.public_bytes(Encoding.DER)
    except ValueError:
        raise Refusal(Reason.CERTIFICATE_FORMAT, "it is not a certificate in PEM", field="certificate") from None
    return Certificate(hashlib.sha256(der).digest(), subject, found.not_valid_after_utc)


def access_message(access: Access, locations: Sequence[str]) -> pb2.Access:
    return pb2.Access(
        scopes=[access_pb2.Scope.Name(scope) for scope in sorted(access.scopes)],
        locations=locations,
        categories=access.categories,
        requests_per_second=access.requests_per_s,
        requests_burst=access.requests_burst,
        calls_max=access.calls_max,
        streams_max=access.streams_max,
        held_per_sku_max=access.held_per_sku_max,
        certificate_required=access.certificate_required,
    )


def channel_access(found: ChannelAccess) -> pb2.ChannelAccess:
    return pb2.ChannelAccess(channel=found.channel, access=access_message(found.access, found.locations))


def credential(found: Credential) -> pb2.Credential:
    return pb2.Credential(
        key_id=found.key_id,
        channel=found.channel,
        kind=pb2.CredentialKind.Name(found.kind),
        name=found.name,
        created_at=formats.timestamp(found.created_at),
        expires_at=found.expires_at and formats.timestamp(found.expires_at),
        revoked_at=found.revoked_at and formats.timestamp(found.revoked_at),
        last_used_at=found.last_used_at and formats.timestamp(found.last_used_at),
        in_force=found.in_force,
    )


def _scopes(numbers: Sequence[int]) -> frozenset[Scope]:
    if not numbers:
        raise Refusal(Reason.FIELD_REQUIRED, "say at least one scope", field="access.scopes")
    for position, number in enumerate(numbers):
        if number not in _GRANTABLE:
            raise parse.unknown_enum(f"access.scopes[{position}]")
    return frozenset(map(Scope, numbers))


def _categories(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) > CATEGORIES_MAX:
        raise parse.too_many("access.categories", CATEGORIES_MAX)
    return tuple(
        dict.fromkeys(
            free_text(text, CATEGORY_BYTES_MAX, f"access.categories[{position}]", required=True)
            for position, text in enumerate(texts)
        )
    )


def _locations(texts: Sequence[str]) -> list[str]:
    if len(texts) > CHANNEL_LOCATIONS_MAX:
        raise parse.too_many("access.locations", CHANNEL_LOCATIONS_MAX)
    return list(
        dict.fromkeys(location_code(text, f"access.locations[{position}]") for position, text in enumerate(texts))
    )


def _limit(message: pb2.Access, field: str, high: int) -> int | None:
    if not message.HasField(field):
        return None
    return parse.quantity_between(getattr(message, field), f"access.{field}", 1, high)
