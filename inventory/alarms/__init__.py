"""Sees that something is wrong, and tells people of it."""
