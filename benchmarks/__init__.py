"""Measurements against peers, side by side in one run; nothing of this is part of the package or of the test suite."""
