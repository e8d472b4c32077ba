"""`inventory`: the command line."""

from cyclopts import App

from inventory import __version__
from inventory.cli.serve import serve

app = App(name="inventory", help="The single source of stock truth.", version=__version__)
app.command(serve)


def main() -> None:
    """Entry of the console script."""
    app()


if __name__ == "__main__":
    main()
