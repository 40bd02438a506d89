"""SpaceByte: a byte transformer with wider blocks in its middle, at the places that follow words."""
