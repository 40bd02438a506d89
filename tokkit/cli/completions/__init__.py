"""How may a command line go on? `scripts` make a shell ask, and `candidates` answer."""
