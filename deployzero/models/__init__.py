"""Plain typed values that cross the borders between parts. No behaviour, no I/O."""
