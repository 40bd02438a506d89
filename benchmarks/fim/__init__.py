"""Filling in the middle: a model that learns it, and how well each method does."""
