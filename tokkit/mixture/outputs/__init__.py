"""An inferred mixture written down: JSON, a table for a terminal, a page (`page`)."""
