"""The Python client: calls that are safe to repeat, a stream that survives, and a local mirror of the stock."""
