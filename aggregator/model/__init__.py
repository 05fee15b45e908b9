"""Frozen records, one module per moment of the data's path. No I/O, no clock, no log."""
