"""Livestream events: their contracts, the log they arrive in, and the simulator that knows the truth."""
