"""Who may come in, what each may do, and who changed what."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

from inventory.v1 import access_service_pb2 as pb2
from inventory.v1 import audit_service_pb2 as audit_pb2
from inventory_client.arguments import duration
from inventory_client.calls import Calls

PAGE_ROWS = 1_000


class AccessCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/access_service.proto. All but `who_am_i` take the scope admin."""

    async def who_am_i(self, *, timeout_s: float | None = None) -> pb2.WhoAmIResponse:
        """In whose name this client calls, and what it may do."""
        return await self._read(pb2.WhoAmIRequest(), pb2.WhoAmIResponse, timeout_s)

    async def set_access(
        self, channel: str, access: pb2.Access, *, request_id: str = "", timeout_s: float | None = None
    ) -> pb2.ChannelAccess:
        """Replaces what a channel may do; makes the channel when it is new. Raises `NotFound`, `InvalidRequest`,
        `Refused` (LAST_ADMIN).

        Example:
            await client.set_access("web", Access(scopes=[SCOPE_STOCK_READ, SCOPE_RESERVATION]))
        """
        request = pb2.SetAccessRequest(request_id=request_id or str(uuid4()), channel=channel, access=access)
        return (await self._read(request, pb2.SetAccessResponse, timeout_s)).access

    def list_access(self, *, channel: str = "", timeout_s: float | None = None) -> AsyncIterator[pb2.ChannelAccess]:
        """What channels may do, by channel; '': all."""
        request = pb2.ListAccessRequest(page_size=PAGE_ROWS, channel=channel)
        return self._pages(request, pb2.ListAccessResponse, "accesses", timeout_s)

    async def create_token(
        self,
        channel: str,
        *,
        name: str = "",
        ttl: timedelta | None = None,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb2.CreateTokenResponse:
        """A new token, shown in this answer only: empty when an earlier try has made it and its answer was lost; then
        revoke it and make another. Raises `NotFound`, `Refused` (CREDENTIAL_LIMIT), `InvalidRequest`."""
        request = pb2.CreateTokenRequest(
            request_id=request_id or str(uuid4()),
            channel=channel,
            name=name,
            ttl=None if ttl is None else duration(ttl),
        )
        return await self._read(request, pb2.CreateTokenResponse, timeout_s)

    async def rotate_token(
        self,
        key_id: str,
        *,
        overlap: timedelta | None = None,
        ttl: timedelta | None = None,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb2.RotateTokenResponse:
        """A new token in another one's place, which goes on for `overlap` (None: an hour). As `create_token`."""
        request = pb2.RotateTokenRequest(
            request_id=request_id or str(uuid4()),
            key_id=key_id,
            overlap=None if overlap is None else duration(overlap),
            ttl=None if ttl is None else duration(ttl),
        )
        return await self._read(request, pb2.RotateTokenResponse, timeout_s)

    async def bind_certificate(
        self,
        channel: str,
        certificate: str,
        *,
        name: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb2.Credential:
        """Lets whoever shows this certificate (PEM) in as the channel. Raises `NotFound`, `Conflict`,
        `InvalidRequest`."""
        request = pb2.BindCertificateRequest(
            request_id=request_id or str(uuid4()), channel=channel, certificate=certificate, name=name
        )
        return (await self._read(request, pb2.BindCertificateResponse, timeout_s)).credential

    async def revoke_credential(
        self, key_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> pb2.Credential:
        """Within 5 seconds it opens nothing at any server, and its streams have ended. Raises `NotFound`, `Refused`
        (LAST_ADMIN)."""
        request = pb2.RevokeCredentialRequest(request_id=request_id or str(uuid4()), key_id=key_id)
        return (await self._read(request, pb2.RevokeCredentialResponse, timeout_s)).credential

    def list_credentials(self, *, channel: str = "", timeout_s: float | None = None) -> AsyncIterator[pb2.Credential]:
        """By channel and age, those out of force too; '': all channels'."""
        request = pb2.ListCredentialsRequest(page_size=PAGE_ROWS, channel=channel)
        return self._pages(request, pb2.ListCredentialsResponse, "credentials", timeout_s)

    def list_audit_entries(
        self, wanted: audit_pb2.ListAuditEntriesRequest | None = None, *, timeout_s: float | None = None
    ) -> AsyncIterator[audit_pb2.AuditEntry]:
        """The audit trail, newest first; `wanted` filters it."""
        request = audit_pb2.ListAuditEntriesRequest()
        if wanted is not None:
            request.CopyFrom(wanted)
        request.page_size = request.page_size or PAGE_ROWS
        return self._pages(request, audit_pb2.ListAuditEntriesResponse, "entries", timeout_s)
