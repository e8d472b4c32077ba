"""`inventory certificate`: what it makes is taken by OpenSSL, by Python and by our own server, and nothing is lost."""

import hashlib
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from inventory.server import start
from inventory.settings import Settings
from tests.integration.test_cli_start import run


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """A first set-up, and a channel's certificate."""
    made = str(tmp_path / "tls")
    code, out, err = await run(
        "certificate", "create", "--host", "localhost", "127.0.0.1", "--host", "*.stock.example", "--out", made
    )
    assert (code, err) == (0, "")
    assert f"--tls-cert {made}/server.pem --tls-key {made}/server-key.pem" in out
    code, out, err = await run("certificate", "issue", "web", "--ca", made, "--out", made)
    assert (code, err) == (0, "")
    return tmp_path / "tls"


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def content(directory: Path) -> dict[str, tuple[int, bytes]]:
    """The mode and the bytes of each file."""
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in directory.iterdir()}


def openssl(*arguments: object) -> bool:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False).returncode == 0


async def test_only_the_owner_may_read_a_key(directory: Path) -> None:
    assert {name: mode for name, (mode, _) in content(directory).items()} == {
        **dict.fromkeys(("ca-key.pem", "server-key.pem", "web-key.pem"), 0o600),
        **dict.fromkeys(("ca.pem", "server.pem", "web.pem"), 0o644),
    }


async def test_nothing_is_written_over(directory: Path) -> None:
    before = content(directory)
    for arguments in (("create", "--host", "localhost", "--out"), ("issue", "web", "--ca", str(directory), "--out")):
        code, out, err = await run("certificate", *arguments, str(directory))
        assert (code, out) == (1, "")
        assert err.endswith(" is there already, and is not written over\n")
    assert content(directory) == before


async def test_who_renews_is_told_to_move_the_new_files_over_the_old_ones(directory: Path, tmp_path: Path) -> None:
    code, out, _ = await run(
        "certificate", "create", "--host", "localhost", "--ca", str(directory), "--out", str(tmp_path / "new")
    )
    assert code == 0
    assert "To renew, move the two over the server's old ones" in out


async def test_of_a_set_that_can_not_be_made_whole_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_text("somebody's")
    code, _, _ = await run("certificate", "create", "--host", "localhost", "--out", str(tmp_path))
    assert (code, list(content(tmp_path))) == (1, ["server.pem"])


async def test_a_strict_verifier_takes_them_for_what_they_are_for(directory: Path) -> None:
    builder = PolicyBuilder().store(Store([loaded(directory / "ca.pem")])).time(datetime.now(UTC))
    server, web = loaded(directory / "server.pem"), loaded(directory / "web.pem")
    for host in ("localhost", "a.stock.example"):
        builder.build_server_verifier(x509.DNSName(host)).verify(server, [])
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("elsewhere.example")).verify(server, [])
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("localhost")).verify(web, [])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
@pytest.mark.parametrize(
    ("name", "purpose", "taken"),
    [
        ("server", "sslserver", True),
        ("web", "sslclient", True),
        ("web", "sslserver", False),
        ("server", "sslclient", False),
    ],
)
async def test_openssl_takes_them_for_what_they_are_for(directory: Path, name: str, purpose: str, taken: bool) -> None:
    authority = directory / "ca.pem"
    assert taken is openssl(
        "verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority, directory / f"{name}.pem"
    )


async def test_validity_is_ten_years_for_the_authority_and_397_days_below(directory: Path) -> None:
    now = datetime.now(UTC)
    days = {
        name: (loaded(directory / name).not_valid_after_utc - now).days for name in ("ca.pem", "server.pem", "web.pem")
    }
    assert days == {"ca.pem": 3_652, "server.pem": 396, "web.pem": 396}


async def test_a_certificate_ends_no_later_than_its_authority(tmp_path: Path) -> None:
    made = str(tmp_path)
    code, _, _ = await run(
        "certificate", "create", "--host", "localhost", "--ca-days", "5", "--days", "10", "--out", made
    )
    assert code == 0
    assert loaded(tmp_path / "server.pem").not_valid_after_utc == loaded(tmp_path / "ca.pem").not_valid_after_utc


async def test_show_says_what_is_in_a_file(directory: Path) -> None:
    code, out, err = await run("certificate", "show", str(directory / "server.pem"))
    assert (code, err) == (0, "")
    assert "hosts    localhost, 127.0.0.1, *.stock.example" in out
    code, out, _ = await run("certificate", "show", str(directory / "web.pem"), "--json")
    (shown,) = json.loads(out)
    assert (shown["subject"], shown["purpose"], shown["valid"], shown["hosts"]) == ("CN=web", ["client"], True, [])
    der = ssl.PEM_cert_to_DER_cert((directory / "web.pem").read_text())
    assert shown["sha256"] == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "--host", "a b", "--out", "{0}/new"), "not a host's name or address: a b\n"),
        (
            ("create", "--host", "x", "--ca", "{0}/none", "--out", "{0}/new"),
            "{0}/none/ca.pem: No such file or directory\n",
        ),
        (("issue", "Web!", "--ca", "{0}/tls", "--out", "{0}/new"), "CHANNEL_FORMAT: "),
        (("show", "{0}/none"), "{0}/none: No such file or directory\n"),
        (("show", "{0}/tls/web-key.pem"), "{0}/tls/web-key.pem holds no certificate in PEM\n"),
    ],
)
async def test_what_can_not_be_done_is_one_line(directory: Path, arguments: tuple[str, ...], says: str) -> None:
    home = str(directory.parent)
    code, out, err = await run("certificate", *(argument.format(home) for argument in arguments))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(says.format(home))
    assert not (directory.parent / "new").exists()


@pytest.fixture
async def address(dsn: str, directory: Path) -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        settings = Settings(
            listen="127.0.0.1:0", tls_cert=directory / "server.pem", tls_key=directory / "server-key.pem"
        )
        yield await start(settings, dsn, stack)


async def test_commands_speak_tls_and_say_what_is_wrong_with_it(address: str, directory: Path, tmp_path: Path) -> None:
    ca = str(directory / "ca.pem")
    assert await run("health", "--server", address, "--tls-ca", ca) == (0, "SERVING\n", "")
    code, _, err = await run("subscribers", INVENTORY_SERVER=address, INVENTORY_TLS_CA=ca)
    assert (code, err) == (0, "")
    await run("certificate", "create", "--host", "other.example", "--out", str(tmp_path / "other"))
    for arguments, says in (
        ((), "has hung up: if it speaks TLS, name who signs its certificate with --tls-ca (INVENTORY_TLS_CA)"),
        (("--tls",), "is not of an authority trusted here: name who signs its certificate with --tls-ca"),
        (("--tls-ca", str(tmp_path / "other" / "ca.pem")), "is not of an authority trusted here"),
        (("--tls-ca", str(tmp_path / "none.pem")), "none.pem can't be read: No such file or directory"),
        (("--tls-ca", ca, "--tls-client-cert", ca), "--tls-client-cert and --tls-client-key belong together"),
    ):
        code, out, err = await run("health", "--server", address, *arguments)
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert says in err


async def test_health_trusts_the_certificate_of_its_own_settings(address: str, directory: Path) -> None:
    server = {"INVENTORY_SERVER": address}
    assert await run("health", **server, INVENTORY_TLS_CERT=str(directory / "server.pem")) == (0, "SERVING\n", "")
    code, _, err = await run("health", **server, INVENTORY_TLS_CERT=str(directory / "web.pem"))
    assert (code, err) == (1, f"INVENTORY_TLS_CERT: {directory}/web.pem is not a server's certificate in PEM\n")


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_that_others_could_read_along_with_does_not_start(workers: str) -> None:
    refused = await run("serve", "--listen", "0.0.0.0:0", "--workers", workers, INVENTORY_DEVELOPMENT="0")
    assert (refused[0], refused[1], len(refused[2].splitlines())) == (1, "", 1)
    assert refused[2].startswith("others can reach 0.0.0.0:0, and without TLS they would read along: give --tls-cert")
    refused = await run("serve", "--listen", "0.0.0.0:0", "--workers", workers, "--development")
    assert refused[2].startswith("--development lets anybody do anything, so it is for loopback only")


async def test_a_token_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("inv_canary\n")
    code, out, err = await run("stock", "A-1", "--server", "stock.example:50051", "--token-file", str(token))
    assert (code, out) == (1, "")
    assert err.startswith("the token would go to stock.example:50051 in the clear: name who signs")
    token.write_text("two words\n")
    code, out, err = await run("stock", "A-1", "--token-file", str(token))
    assert (code, err) == (1, f"--token-file: no token is in {token}\n")
