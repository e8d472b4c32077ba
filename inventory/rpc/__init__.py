"""Speaks gRPC: parse, call, format."""
