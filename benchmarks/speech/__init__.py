"""A codec of speech beside what it must beat."""
