"""SpaceByte: a byte transformer with wider blocks in its middle, where words begin."""
