"""A row of token scores as masses of bytes: `masses`, over `byte_ranges` and `exponentials`."""
