"""How far to trust an inferred mixture: `diagnostics`, `caveats`, `trust`, and `groups`."""
