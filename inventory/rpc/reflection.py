"""Server reflection, for whoever asks: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md."""

from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from inventory.domain.refusal import Reason, Refusal
from inventory.rpc.strangers import REFLECTIONS_MAX, Context, Crowd, Handler, answer, handler, message


class ReflectionService:
    """`services`: their names."""

    def __init__(self, services: Sequence[str]) -> None:
        self._answers = reflection.aio.ReflectionServicer((*services, reflection.SERVICE_NAME))
        self._open = Crowd("reflection", REFLECTIONS_MAX)

    def methods(self) -> Mapping[str, Handler]:
        """By path."""
        return {f"/{reflection.SERVICE_NAME}/ServerReflectionInfo": handler(self._reflect)}

    async def _reflect(self, context: Context) -> None:
        with self._open.one_more(context.peer()):
            async for said in self._answers.ServerReflectionInfo(_requests(context), context):
                await answer(context, said.SerializeToString())


async def _requests(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    while (raw := await message(context)) is not None:
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(raw)
        except DecodeError:
            raise Refusal(Reason.MALFORMED_REQUEST, "the bytes are not the message of this method") from None
