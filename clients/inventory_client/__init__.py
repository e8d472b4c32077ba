"""The Python client of Inventory."""
