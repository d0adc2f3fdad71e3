"""Expectations on tables: declared per table, run on a batch before it is written, each one its own asset check."""
