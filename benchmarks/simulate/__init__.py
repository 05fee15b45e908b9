"""A policy simulator: the production planner (`aggregator/schedule.py`) over a made-up world of 100,000 sources."""
