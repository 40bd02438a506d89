"""The regular expressions of pretokenizers, as automata over bytes."""
