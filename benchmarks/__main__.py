"""Run all benchmarks in turn, or those named, with short rounds, and print a table of their ratios.

python -m benchmarks                     all
python -m benchmarks echo_ratio basket   these
python -m benchmarks --full              with each one's own number and length of rounds
"""

import argparse
import subprocess
import sys
import time

from benchmarks.targets import TARGETS

SHORT = ("--rounds", "3", "--seconds", "2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*TARGETS, []], metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--full", action="store_true", help="rounds as long as when run alone")
    given = parser.parse_args()
    rows = []
    failed = False
    for name in given.names or TARGETS:
        print(f"\n── {name}", flush=True)
        started = time.monotonic()
        ratio = _run(name, () if given.full else SHORT)
        failed |= ratio is None
        rows.append((name, ratio, time.monotonic() - started))
    print(f"\n{'benchmark':12} {'ratio':>8} {'to reach':>9}  {'reached':8} {'wall s':>6}")
    for name, ratio, wall_s in rows:
        shown, reached = ("–", "failed") if ratio is None else (f"{ratio:.3f}", _yes(TARGETS[name].reached(ratio)))
        print(f"{name:12} {shown:>8} {TARGETS[name]!s:>9}  {reached:8} {wall_s:>6.0f}")
    sys.exit(failed)


def _run(name: str, options: tuple[str, ...]) -> float | None:
    """Shows what a benchmark prints as it comes; gives the number on its last line, None when it failed."""
    last = ""
    command = [sys.executable, "-u", "-m", f"benchmarks.{name}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line
    return float(last) if process.returncode == 0 else None


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


if __name__ == "__main__":
    main()
