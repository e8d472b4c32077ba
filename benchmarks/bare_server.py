"""The product without what stands around a call: no credentials, no limits, no audit trail, no metrics, no alarms.

It is the same build; what is left out is put out of the way here, and nowhere else.
"""

import asyncio
import re
import sys
from collections.abc import Mapping

from inventory.engine.trail import Trail
from inventory.loop import Loop
from inventory.postgres import queries
from inventory.rpc.doors import OpenGate
from inventory.rpc.meter import Meter
from inventory.rpc.router import Handler
from inventory.server import serve
from inventory.settings import Settings


def _unaudited() -> Mapping[str, str]:
    sql = dict(LOAD())
    write = sql["write_stock"]
    write = re.sub(r"WITH said AS .*?\), head AS", "WITH head AS", write, flags=re.DOTALL)
    write = re.sub(r", audited = audited \+ 1,.*?FROM said\n", " ", write, flags=re.DOTALL)
    write = re.sub(r", audited, chain, content\n", "\n", write)
    write = re.sub(r"\), audited_batch AS \(.*?\), written_level", "), written_level", write, flags=re.DOTALL)
    sql["write_stock"] = f"{write.rstrip()} WHERE $9::audit_row[] IS NOT NULL"
    return sql


def _nothing(*_: object, **__: object) -> None:
    return None


def _unmeasured(_: Meter, path: str, channel: str, handler: Handler, key_id: str = "") -> Handler:
    return handler


LOAD = queries.load
Meter.around = _unmeasured  # type: ignore[assignment, method-assign]  # as said above
queries.load = _unaudited  # type: ignore[assignment]  # as said above
Trail.add_submitted = _nothing  # type: ignore[method-assign]  # as said above
OpenGate.enter = OpenGate.leave = _nothing  # type: ignore[method-assign]  # as said above


def main() -> None:
    settings = Settings(listen="127.0.0.1:0", development=True, alarms=False)
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(serve(settings, sys.argv[1], ready=lambda address: print(f"serves gRPC on {address}", flush=True)))


if __name__ == "__main__":
    main()
