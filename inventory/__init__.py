"""Inventory: the single source of stock truth for shops that sell in many places at once."""

__version__ = "0.1.0"
