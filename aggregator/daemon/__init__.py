"""Time -> pipeline: what a person leaves running for years.

The daemon is `sync` over and over in one process (docs/decisions/0022): whatever holds for a run from cron holds for each of
its rounds, so this package owns only when a round begins, what is kept between two, and how all of it ends.
"""
