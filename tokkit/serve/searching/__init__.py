"""Gaps filled by search: long calls of the library, done a pass of a model at a time."""
