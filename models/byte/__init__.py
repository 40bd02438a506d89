"""A transformer over bytes: the plainest text model, and the baseline of the others."""
