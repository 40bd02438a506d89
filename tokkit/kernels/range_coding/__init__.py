"""Ids as bytes that are as few as their frequencies allow: an adaptive binary range coder."""
