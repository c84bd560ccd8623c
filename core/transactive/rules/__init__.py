"""Decides: pure functions of records and a clock reading; no I/O, no clock, no randomness."""
