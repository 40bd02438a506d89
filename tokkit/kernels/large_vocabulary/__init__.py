"""Logits over many rows that are sums of few: `weighted_sums`, `largest`, `screening`."""
