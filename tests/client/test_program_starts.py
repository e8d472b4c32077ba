"""How the channels' programs start, and what they say when they can't."""

import asyncio
import importlib
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


async def run(*arguments: str, path: Path) -> tuple[int | None, str, str]:
    places = os.pathsep.join(map(str, (path, ROOT, ROOT / "clients")))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env={**os.environ, "PYTHONPATH": places},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("module", "name", "missing"),
    [
        ("inventory_web_shop", "the web shop", "uvicorn"),
        ("inventory_web_shop", "the web shop", "starlette"),
        ("inventory_marketplace", "the marketplace adapter", "httpx"),
    ],
)
async def test_without_its_extra_a_channel_says_what_to_install(
    module: str, name: str, missing: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{missing!r}] = None\n")
    ended = await run(module, "--help", path=tmp_path)
    assert ended == (1, "", f"{name} needs {missing}: pip install 'inventory[channels]'\n")


@pytest.mark.parametrize(
    ("channel", "needed"),
    [
        ("web_shop", ("--location", "shop-1")),
        ("till", ("--location", "shop-1")),
        ("marketplace", ("--url", "http://localhost", "--cursor", "cursor")),
    ],
)
def test_the_server_may_be_named_by_the_environment(
    channel: str, needed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = importlib.import_module(f"inventory_{channel}.__main__").app
    monkeypatch.setenv("INVENTORY_SERVER", "10.0.0.1:50051,10.0.0.2:50051")
    _, bound, _ = app.parse_args(needed)
    assert bound.arguments["server"] == "10.0.0.1:50051,10.0.0.2:50051"
    _, bound, _ = app.parse_args([*needed, "--server", "shop:1"])
    assert bound.arguments["server"] == "shop:1", "what is said counts more"
    for name in ("SERVER", "TLS_CA", "TOKEN_FILE"):
        monkeypatch.setenv(f"INVENTORY_{name}", "")
    _, bound, _ = app.parse_args(needed)
    assert not {"server", "tls_ca", "token_file"} & set(bound.arguments), "what is empty is not set"
