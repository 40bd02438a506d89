"""The release: what `tokkit.__version__` is, and what reports say that they were written by."""

VERSION = "0.1.0"
