"""Known vulnerabilities in the server's lock, by pip-audit.

Exit code 0: none is known. 1: some are. 3: not known, because the vulnerability service can't be reached, or does not
know the packages; it needs a network.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

LOCK = "requirements-server.lock"
COMMAND = ("-m", "pip_audit", "--requirement", LOCK, "--require-hashes", "--disable-pip", "--format", "json")
QUIET = ("--progress-spinner", "off", "--timeout", "10")
FOUND, UNKNOWN = 1, 3
TIME_MAX_S = 300


def judged(output: str) -> tuple[int, list[str]]:
    """The exit code, and what to say, of pip-audit's report; '' when it made none."""
    try:
        packages: Sequence[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, ["audit: nothing is known: the vulnerability service can't be reached; it needs a network"]
    said = [
        f"audit: {package['name']} {package['version']}: {found['id']}, mended in {found['fix_versions']}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    if said:
        return FOUND, said
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        named = ", ".join(skipped[:3])
        without = f"audit: {len(skipped)} of {len(packages)} packages could not be looked up, such as {named}"
        return UNKNOWN, [f"{without}; it needs a network that reaches the vulnerability service"]
    return 0, [f"audit: none is known in {len(packages)} packages"]


def main() -> int:
    try:
        ran = subprocess.run(
            [sys.executable, *COMMAND, *QUIET], capture_output=True, text=True, check=False, timeout=TIME_MAX_S
        )
        output = ran.stdout
    except subprocess.TimeoutExpired:
        output = ""
    code, said = judged(output)
    print("\n".join(said), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
