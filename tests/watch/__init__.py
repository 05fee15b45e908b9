"""The watch over everything that any test publishes: each document passes the RELAX NG schema and the gate of its format.

`sitecustomize` runs in every Python process of the session and copies what is written below `feeds/` into a spool; `plugin`
looks at what is new there after each test, and fails the test that published it. Files that a test writes by itself are its own
business: only what our code writes is watched.
"""
