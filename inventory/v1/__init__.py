"""Generated from `proto/inventory/v1` by `make proto`. Do not edit."""
