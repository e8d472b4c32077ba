"""A channel: the back end of a web shop."""
