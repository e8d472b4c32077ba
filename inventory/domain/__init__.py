"""Pure decisions: values in, values out. No await, clock, randomness, SQL, protobuf or logging."""
