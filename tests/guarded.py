"""A certificate for servers of tests that others can reach."""

from pathlib import Path

from inventory.cli import issuing

DAYS = 30


def certificate_files(directory: Path) -> tuple[Path, Path]:
    """The server's certificate and key; its authority is in `ca.pem` beside them."""
    authority = issuing.authority("Inventory CA of the tests", DAYS)
    made = issuing.server(authority, ["localhost", "127.0.0.1", "::1"], DAYS)
    cert, key = directory / "server.pem", directory / "server-key.pem"
    issuing.write({directory / "ca.pem": authority.pem, cert: made.pem}, {key: made.key_pem})
    return cert, key
