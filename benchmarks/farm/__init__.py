"""A farm of feeds for the benchmark: the same seed gives the same bytes. `python -m benchmarks.farm make|serve`."""
