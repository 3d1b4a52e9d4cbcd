"""Where rows come from: files, SQL databases, paged REST APIs, Python generators, packaged and simulated data, logs."""

from steelyard.pipeline.sources.kinds import KINDS

__all__ = ["KINDS"]
