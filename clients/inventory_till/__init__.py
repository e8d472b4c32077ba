"""A channel: a POS terminal in the terminal."""
