"""grpc.health.v1, for whoever asks: https://github.com/grpc/grpc/blob/master/doc/health-checking.md."""

import asyncio
from collections.abc import Mapping

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from inventory.domain.refusal import Reason, Refusal
from inventory.rpc.strangers import WAITING_MAX, WATCHES_MAX, Context, Crowd, Handler, answer, handler, message

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_STATES = health_pb2.HealthCheckResponse


class HealthService:
    """What is known of each service, by name."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self._waiting = Crowd("waiting for the message", WAITING_MAX)
        self._watching = Crowd("Health/Watch", WATCHES_MAX)

    def methods(self) -> Mapping[str, Handler]:
        """By path."""
        return {
            f"/{SERVICE_NAME}/Check": handler(self._check),
            f"/{SERVICE_NAME}/Watch": handler(self._watch),
        }

    def tell(self, service: str, *, serves: bool) -> None:
        """From now on, until `stop`."""
        if not self._stopping:
            self._states[service] = _STATES.SERVING if serves else _STATES.NOT_SERVING
            self._wake()

    def stop(self) -> None:
        """Nothing serves any more."""
        self._stopping = True
        self._states = dict.fromkeys(self._states, int(_STATES.NOT_SERVING))
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _check(self, context: Context) -> None:
        state = self._states.get(await self._asked(context))
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of that name")
        await answer(context, _said(state))

    async def _watch(self, context: Context) -> None:
        service = await self._asked(context)
        last = None
        with self._watching.one_more(context.peer()):
            while True:
                changed, state = self._changed, self._states.get(service, int(_STATES.SERVICE_UNKNOWN))
                if state != last:
                    await answer(context, _said(state))
                last = state
                await changed.wait()

    async def _asked(self, context: Context) -> str:
        with self._waiting.one_more(context.peer()):
            raw = await message(context)
        if raw is None:
            raise Refusal(Reason.MALFORMED_REQUEST, "the call has no request")
        try:
            return str(health_pb2.HealthCheckRequest.FromString(raw).service)
        except DecodeError:
            raise Refusal(Reason.MALFORMED_REQUEST, "the bytes are not the message of this method") from None


def _said(state: int) -> bytes:
    return bytes(_STATES(status=state).SerializeToString())
