"""The one place where stages meet.

`sync` orchestrates in the main process: it alone polls, writes the state and the ledger. `digest` and `outputs` hold the jobs
that run in workers: a fetched body into posts, and a category's posts into a feed. `index` fills the state from posts.
"""
