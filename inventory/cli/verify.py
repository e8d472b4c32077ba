"""`inventory verify`."""

import asyncio
import json as encoder
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from inventory.cli.database import database
from inventory.cli.failure import printable
from inventory.cli.options import DataDir, DbSchema, Dsn, Json, OwnerDsn
from inventory.cli.terminal import out, spinner
from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, Check, Finding, snapshot


def verify(
    *,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    json: Json = False,
) -> int:
    """Prove the books: check every promise of the ledger on the database itself, while the server runs or not.

    The checks are SQL of their own and share no code with the server. They see one moment, change nothing, lock
    nothing, and take as long as the tables are large. Exit code 1 when a promise is broken, and those rows.

    Example: inventory verify --data-dir ./data

    Example: inventory verify --dsn postgresql://inventory@db/inventory --json
    """
    with database(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema) as found:
        return prove(found, json=json)


def prove(found: Database, *, json: bool = False) -> int:
    """Runs all checks and shows what they found. The exit code."""
    head, results = asyncio.run(_verify(found))
    broken = sum(result.finding.broken > 0 for result in results)
    if json:
        print(encoder.dumps(_document(head, results), ensure_ascii=False, indent=2))
    else:
        _show(out(), head, results)
    return 1 if broken else 0


class Result:
    """A check, what it found, and how long that took."""

    def __init__(self, check: Check, finding: Finding, took_s: float) -> None:
        self.check = check
        self.finding = finding
        self.took_s = took_s


async def _verify(found: Database) -> tuple[int, list[Result]]:
    results = []
    with spinner() as progress:
        async with snapshot(found) as state:
            for check in CHECKS:
                task = progress.add_task(f"{check.name}: {check.says}", total=1)
                started = time.perf_counter()
                finding = await state.run(check)
                results.append(Result(check, finding, time.perf_counter() - started))
                progress.update(task, completed=1)
            return state.head, results


def _show(console: Console, head: int, results: list[Result]) -> None:
    table = Table(title=f"The books at revision {head:,}", title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("promise")
    table.add_column("result", no_wrap=True)
    table.add_column("s", justify="right")
    for result in results:
        broken = result.finding.broken
        verdict = f"[bold red]BROKEN by {broken:,}[/]" if broken else "[green]ok[/]"
        table.add_row(result.check.name, result.check.says, verdict, f"{result.took_s:.1f}")
    console.print(table)
    for result in results:
        if result.finding.rows:
            console.print(_rows(result))


def _rows(result: Result) -> Table:
    shown, broken = len(result.finding.rows), result.finding.broken
    of = f", the first {shown} of {broken:,}" if broken > shown else ""
    table = Table(title=f"{result.check.name}: rows that break it{of}", title_justify="left", title_style="bold red")
    for column in result.finding.rows[0]:
        table.add_column(column, overflow="fold")
    for row in result.finding.rows:
        table.add_row(*(escape(printable(_text(value))) for value in row.values()))
    return table


def _document(head: int, results: list[Result]) -> dict[str, Any]:
    return {
        "revision": head,
        "ok": not any(result.finding.broken for result in results),
        "checks": [
            {
                "check": result.check.name,
                "promise": result.check.says,
                "ok": result.finding.broken == 0,
                "broken": result.finding.broken,
                "rows": [
                    {name: value if isinstance(value, int) else _json(value) for name, value in row.items()}
                    for row in result.finding.rows
                ],
                "seconds": round(result.took_s, 3),
            }
            for result in results
        ],
    }


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _json(value: Any) -> Any:
    """NUMERIC sums are whole numbers; UUIDs and times are texts."""
    if value is None or isinstance(value, str):
        return value
    text = str(value)
    return int(text) if text.lstrip("-").isdigit() else text
