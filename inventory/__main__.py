"""`inventory`: the command line. Each command is imported when it is asked for: PostgreSQL must be forked before gRPC
is loaded, and `--help` must not pay for either."""

import ast
import os
import sys
from pathlib import Path

from cyclopts import App, Parameter

from inventory import __version__
from inventory.cli.failure import Failed


def _help(command: str) -> str:
    """What the command, or the group of commands, says of itself, read without importing it."""
    source = (Path(__file__).parent / "cli" / f"{command}.py").read_text(encoding="utf-8")
    module = ast.parse(source)
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == command:
            return (ast.get_docstring(node) or "").partition("\n\nParameters\n")[0]
    return ast.get_docstring(module) or ""


app = App(
    name="inventory",
    help="The single source of stock truth: a gRPC server, and the tools around it.\n\n"
    "Begin with `inventory serve`, and in another terminal `inventory watch`.",
    version=__version__,
    # A variable that is empty counts as not set.
    default_parameter=Parameter(env_var_split=lambda _, value, delimiter=None: [value] if value else []),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for command in (
    "serve",
    "watch",
    "stock",
    "lots",
    "serial",
    "receive",
    "incoming",
    "explain",
    "promise",
    "thresholds",
    "reconcile",
    "top",
    "compact",
    "verify",
    "migrate",
    "backup",
    "restore",
    "health",
    "bench",
    "demo",
):
    app.command(f"inventory.cli.{command}:{command}", help=_help(command))
app.command(
    "inventory.cli.transfer:app",
    name="transfer",
    help="Move goods from one location to another.\n\nExample: inventory transfer create central shop-07 A-1=12 --ship",
)
app.command(
    "inventory.cli.counting:app",
    name="count",
    help="Take stock while selling goes on.\n\nExample: inventory count open shop-07 --category GROCERY",
)
app.command("inventory.cli.certificate:app", name="certificate", help=_help("certificate"))
app.command("inventory.cli.channel:app", name="channel", help=_help("channel"))
app.command("inventory.cli.subscribers:app", name="subscribers", help=_help("subscribers"))
app.command("inventory.cli.alarms:app", name="alarms", help=_help("alarms"))
app.command("inventory.cli.token:app", name="token", help=_help("token"))
app.command("inventory.cli.audit:app", name="audit", help=_help("audit"))
app.command(
    "inventory.cli.importing:app",
    name="import",
    help="Import locations, SKUs, stock and channels from CSV files.\n\n"
    "Example: inventory import skus skus.csv --dry-run",
)
app.command(
    "inventory.cli.exporting:app",
    name="export",
    help="Export locations, SKUs, stock and channels to CSV files.\n\nExample: inventory export skus -o skus.csv",
)


def main() -> None:
    """Entry of the console script."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """The exit code of a command line, the process's own one by default."""
    try:
        return app(arguments) or 0
    except Failed as failed:
        for line in failed.lines:
            print(line, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read us, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    main()
