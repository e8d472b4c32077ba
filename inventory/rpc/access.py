"""AccessService: parse, change, formats."""

import secrets
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from inventory.domain.access import NO_ACCESS, Access
from inventory.domain.code import channel_code, free_text
from inventory.domain.credential import TOKEN_RANDOM_BYTES, Credential, CredentialKind, digest, make_token
from inventory.domain.limits import CODE_BYTES_MAX, NAME_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal, channel_not_found
from inventory.postgres import access as accesses
from inventory.postgres.access import ChannelAccess, NewCredential, changing
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader
from inventory.postgres.trail import Change
from inventory.rpc import access_messages as messages
from inventory.rpc import page_token, parse
from inventory.rpc.doors import Doors
from inventory.rpc.method import Call, Method, unary
from inventory.v1 import access_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["AccessService"]
TOKEN_TTL_MIN = timedelta(seconds=1)
TOKEN_TTL_MAX = timedelta(days=3_652)
OVERLAP_MIN = timedelta(seconds=1)
OVERLAP_MAX = timedelta(days=31)
OVERLAP_DEFAULT = timedelta(hours=1)


class AccessService:
    """`doors` None: in development nothing asks them, but they can be set up."""

    def __init__(self, database: Database, reader: Reader, doors: Doors | None) -> None:
        self._database = database
        self._reader = reader
        self._doors = doors

    def methods(self) -> dict[str, Method]:
        return {
            "WhoAmI": unary(pb2.WhoAmIRequest, self.who_am_i),
            "SetAccess": unary(pb2.SetAccessRequest, self.set_access),
            "ListAccess": unary(pb2.ListAccessRequest, self.list_access),
            "CreateToken": unary(pb2.CreateTokenRequest, self.create_token),
            "RotateToken": unary(pb2.RotateTokenRequest, self.rotate_token),
            "BindCertificate": unary(pb2.BindCertificateRequest, self.bind_certificate),
            "RevokeCredential": unary(pb2.RevokeCredentialRequest, self.revoke_credential),
            "ListCredentials": unary(pb2.ListCredentialsRequest, self.list_credentials),
        }

    async def who_am_i(self, request: pb2.WhoAmIRequest, call: Call) -> bytes:
        known = call.caller.known
        found = [] if known is None else await accesses.accesses(self._reader, known.channel, "", 1)
        return pb2.WhoAmIResponse(
            channel=call.channel,
            key_id=call.caller.key_id,
            access=messages.access_message(call.access, found[0].locations if found else ()),
        ).SerializeToString()

    async def set_access(self, request: pb2.SetAccessRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        channel = channel_code(request.channel, "channel")
        access, locations = messages.parse_access(request.access)
        async with changing(self._database) as change:
            before = await accesses.set_access(change, channel, access, locations)
            detail = {"channel": channel, "before": _told(before), "after": {**_told(access), "locations": locations}}
            change.note("SetAccess", call.channel_id, call.author, detail, request_id=identity)
        await self._look()
        found = ChannelAccess(channel, access, tuple(locations))
        return pb2.SetAccessResponse(access=messages.channel_access(found)).SerializeToString()

    async def list_access(self, request: pb2.ListAccessRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        channel = channel_code(request.channel, "channel") if request.channel else None
        position = page_token.decode(request, page_token.code) or [""]
        rows = await accesses.accesses(self._reader, channel, position[0], size + 1)
        token = page_token.encode(request, [rows[size - 1].channel]) if len(rows) > size else ""
        return pb2.ListAccessResponse(
            accesses=map(messages.channel_access, rows[:size]), next_page_token=token
        ).SerializeToString()

    async def create_token(self, request: pb2.CreateTokenRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        channel = channel_code(request.channel, "channel")
        name = free_text(request.name, NAME_BYTES_MAX, "name")
        ttl = _ttl(request)
        async with changing(self._database) as change:
            earlier = await _earlier(change, identity, channel, CredentialKind.TOKEN, name)
            if earlier is not None:
                return pb2.CreateTokenResponse(credential=messages.credential(earlier)).SerializeToString()
            made, text = await _make(change, channel, name, ttl, identity)
            _note(change, "CreateToken", call, identity, made)
        await self._look()
        return pb2.CreateTokenResponse(token=text, credential=messages.credential(made)).SerializeToString()

    async def rotate_token(self, request: pb2.RotateTokenRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        old = _key_id(request.key_id)
        overlap = OVERLAP_DEFAULT
        if request.HasField("overlap"):
            overlap = parse.duration(request.overlap, "overlap", OVERLAP_MIN, OVERLAP_MAX, Reason.TTL_OUT_OF_RANGE)
        ttl = _ttl(request)
        async with changing(self._database) as change:
            found = await accesses.find_credential(change, old)
            channel, name = (found[1].channel, found[1].name) if found else ("", "")
            earlier = await _earlier(change, identity, channel, CredentialKind.TOKEN, name)
            if earlier is not None:
                return pb2.RotateTokenResponse(credential=messages.credential(earlier)).SerializeToString()
            await accesses.revoke(change, old, overlap)
            assert found is not None
            if found[1].kind is not CredentialKind.TOKEN:
                raise Refusal(Reason.CREDENTIAL_NOT_FOUND, f"{old!r} is a certificate: bind its successor instead")
            made, text = await _make(change, channel, name, ttl, identity)
            _note(change, "RotateToken", call, identity, made, replaces=old)
        await self._look()
        return pb2.RotateTokenResponse(token=text, credential=messages.credential(made)).SerializeToString()

    async def bind_certificate(self, request: pb2.BindCertificateRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        channel = channel_code(request.channel, "channel")
        certificate = messages.parse_certificate(request.certificate)
        name = free_text(request.name, NAME_BYTES_MAX, "name") or certificate.subject[: NAME_BYTES_MAX // 4]
        async with changing(self._database) as change:
            made = await _earlier(change, identity, channel, CredentialKind.CERTIFICATE, name)
            if made is None:
                new = NewCredential(
                    f"cert-{certificate.digest.hex()[:12]}",
                    CredentialKind.CERTIFICATE,
                    certificate.digest,
                    name,
                    None,
                    certificate.ends_at,
                )
                made = await _add(change, channel, new, identity)
                _note(change, "BindCertificate", call, identity, made)
        await self._look()
        return pb2.BindCertificateResponse(credential=messages.credential(made)).SerializeToString()

    async def revoke_credential(self, request: pb2.RevokeCredentialRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        key_id = _key_id(request.key_id)
        async with changing(self._database) as change:
            found = await accesses.find_credential(change, key_id)
            if found is None or found[1].revoked_at is None:  # to revoke it again says the same
                await accesses.revoke(change, key_id)
                found = await accesses.find_credential(change, key_id)
                assert found is not None
                _note(change, "RevokeCredential", call, identity, found[1])
        await self._look()
        return pb2.RevokeCredentialResponse(credential=messages.credential(found[1])).SerializeToString()

    async def list_credentials(self, request: pb2.ListCredentialsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        channel = channel_code(request.channel, "channel") if request.channel else None
        position = page_token.decode(request, page_token.code) or [""]
        rows = await accesses.credentials(self._reader, channel, position[0], size + 1)
        token = page_token.encode(request, [rows[size - 1].key_id]) if len(rows) > size else ""
        return pb2.ListCredentialsResponse(
            credentials=map(messages.credential, rows[:size]), next_page_token=token
        ).SerializeToString()

    async def _look(self) -> None:
        """Here it is in force with the answer, if it can be: it is done, and a token can't be shown again."""
        if self._doors is not None:
            with suppress(StorageError):  # looked at again within a second
                await self._doors.look()


async def _make(
    change: Change, channel: str, name: str, ttl: timedelta | None, request_id: UUID | None
) -> tuple[Credential, str]:
    token = make_token(secrets.token_bytes(TOKEN_RANDOM_BYTES))
    new = NewCredential(token.key_id, CredentialKind.TOKEN, digest(token.text), name, ttl)
    return await _add(change, channel, new, request_id), token.text


async def _add(change: Change, channel: str, new: NewCredential, request_id: UUID | None) -> Credential:
    channel_id = await accesses.channel_id_of(change, channel)
    if channel_id is None:
        raise channel_not_found(channel)
    return await accesses.add_credential(change, channel_id, channel, new, request_id)


async def _earlier(
    change: Change, request_id: UUID, channel: str, kind: CredentialKind, name: str
) -> Credential | None:
    """What an earlier call with this request_id has made. Raises REQUEST_ID_REUSED when it was of other content."""
    found = await accesses.made_by(change, request_id)
    if found is not None and (found.channel, found.kind, found.name) != (channel, kind, name):
        raise Refusal(Reason.REQUEST_ID_REUSED, f"request_id {request_id} was used for other content")
    return found


def _note(change: Change, action: str, call: Call, identity: UUID, made: Credential, **more: str) -> None:
    detail = {"channel": made.channel, "key_id": made.key_id, **more}
    change.note(action, call.channel_id, call.author, detail, request_id=identity)


def _told(access: Access) -> dict[str, object]:
    """What of it is set, for the audit trail."""
    told = {
        name: value
        for name, value in access._asdict().items()
        if name not in ("scopes", "location_ids") and value != getattr(NO_ACCESS, name)
    }
    return {"scopes": [scope.text for scope in sorted(access.scopes)], **told}


def _ttl(request: pb2.CreateTokenRequest | pb2.RotateTokenRequest) -> timedelta | None:
    if not request.HasField("ttl"):
        return None
    return parse.duration(request.ttl, "ttl", TOKEN_TTL_MIN, TOKEN_TTL_MAX, Reason.TTL_OUT_OF_RANGE)


def _key_id(text: str) -> str:
    return free_text(text, CODE_BYTES_MAX, "key_id", required=True)
