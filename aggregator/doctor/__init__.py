"""A project folder and the machine it is on -> what is missing or odd there, and what to do about it. Changes nothing.

What stands in configuration, posts and feeds is the business of `check`; here it is what they stand on: the program, the clock,
the disk, the network, the processes. Each check is a plain function, from a `Situation` to findings; they share nothing else.
"""
