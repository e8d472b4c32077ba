"""Executes commands: collect, lock, decide, write, answer."""
