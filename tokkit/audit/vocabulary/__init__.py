"""The vocabulary part: which tokens text produces, and what the others are."""

from tokkit.audit.vocabulary.examining import examine

__all__ = ["examine"]
