"""Tells committed changes to whoever follows."""
