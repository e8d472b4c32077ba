"""The demo: a year of a grocer's real baskets, replayed through the service."""
