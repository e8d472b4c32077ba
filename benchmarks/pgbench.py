"""The yardstick in SQL: pgbench on the same PostgreSQL, reserving one piece of one hot SKU in tables of its own."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

TABLES = """
CREATE SCHEMA plain;
CREATE TABLE plain.level (
    sku_id integer PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0)
) WITH (fillfactor = 10);
CREATE TABLE plain.reservation (
    reservation_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sku_id integer NOT NULL,
    quantity bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO plain.level VALUES (1, 1000000000);
"""

TRANSACTION = """
BEGIN;
UPDATE plain.level SET available = available - 1 WHERE sku_id = 1 AND available >= 1;
INSERT INTO plain.reservation (sku_id, quantity) VALUES (1, 1);
COMMIT;
"""


@dataclass(frozen=True)
class Transactions:
    """What one run brought; a transaction's time is from BEGIN to the answer to COMMIT."""

    transactions: int
    seconds: float
    p50_s: float
    p99_s: float


def program(postgres_programs: Path) -> str:
    """pgbench beside PostgreSQL's other programs, else an installed one."""
    beside = postgres_programs / "pgbench"
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if found is None:
        raise RuntimeError("pgbench is missing; on Debian: apt-get install postgresql-contrib")
    return found


def run(pgbench: str, dsn: str, directory: Path, *, clients: int, threads: int, seconds: float) -> Transactions:
    """Runs the transaction for whole seconds, each statement prepared once and then executed."""
    script = directory / "plain.sql"
    script.write_text(TRANSACTION)
    log = directory / "pgbench_log"
    command = [pgbench, "--no-vacuum", "--protocol=prepared", f"--file={script}", f"--client={clients}"]
    command += [f"--jobs={threads}", f"--time={max(1, round(seconds))}", "--log", f"--log-prefix={log}", dsn]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pgbench failed:\n{done.stderr}")
    tps = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    if tps is None or (failed is not None and int(failed[1])):
        raise RuntimeError(f"pgbench failed:\n{done.stdout}")
    times_us = []
    for part in directory.glob(f"{log.name}.*"):
        times_us += [int(line.split()[2]) for line in part.read_text().splitlines()]
        part.unlink()
    cuts_us = quantiles(times_us, n=100)
    return Transactions(len(times_us), len(times_us) / float(tps[1]), cuts_us[49] / 1e6, cuts_us[98] / 1e6)
