"""`python -m inventory_demo`."""

from cyclopts import App

from inventory_demo.main import demo

app = App(name="inventory_demo", version_flags=[])
app.default(demo)


if __name__ == "__main__":
    app()
