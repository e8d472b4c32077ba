"""gRPC still rings its bell as the server's loop expects: else the loop would be uvloop's, unnoticed."""

import asyncio
from typing import Any

import grpc
import pytest

from inventory import loop


def test_grpcs_bell_is_the_one_that_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[Any] = []
    real = loop._emptying

    def noted(fd: int, handle_events: Any) -> Any:
        emptied.append(handle_events)
        return real(fd, handle_events)

    async def answer() -> bytes:
        async def echo(raw: bytes, context: Any) -> bytes:
            return raw

        server = grpc.aio.server()
        handler = grpc.method_handlers_generic_handler("s", {"m": grpc.unary_unary_rpc_method_handler(echo)})
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call: Any = channel.unary_unary("/s/m")
                answers = await asyncio.gather(*(call(b"%d" % number) for number in range(500)))
                return b",".join(answers)
        finally:
            await server.stop(None)

    monkeypatch.setattr(loop, "_emptying", noted)
    with asyncio.Runner(loop_factory=loop.Loop) as runner:
        assert runner.run(answer()) == b",".join(b"%d" % number for number in range(500))
    assert emptied
