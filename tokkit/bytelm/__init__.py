"""Byte-level models: token models looked through as distributions over bytes, and ensembles."""
