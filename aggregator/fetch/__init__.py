"""Source + validators -> Fetched | NotModified | Failed; the only importer of httpx and aiohttp.

This package file imports nothing, so that a run which polls nothing pays nothing: `aggregator.fetch.client` is the door.
"""
