"""The README's first sale runs as it stands there."""

import re
from pathlib import Path

from tests.race.processes import Process
from tests.rpc.conftest import serving

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PROGRAMS: list[str] = re.findall(r"```python\n(import .+?)```", README, re.DOTALL)


async def test_the_first_sale_of_the_readme_leaves_what_was_not_sold(dsn: str) -> None:
    (program,) = PROGRAMS
    assert "127.0.0.1:50051" in program
    async with serving(dsn) as server:
        process = await Process.run("-c", program.replace("127.0.0.1:50051", server.address))
        said = await process.output()
    assert said.startswith("Level(on_hand=7, held=0, allocated=0,")
    assert "available=7" in said
