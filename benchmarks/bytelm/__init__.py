"""What byte-level models cost, how they round, and what their semantics say."""
