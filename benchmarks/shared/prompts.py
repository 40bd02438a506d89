"""The prompts that token healing is usually tried on: each ends inside what would be a token."""

from __future__ import annotations

HEALED = (
    b"The company hired an intermed",
    b"def quicksort(xs):\n    ret",
    b"I visited Par",
    b"The capital of Fran",
    b'The link is <a href="http:',
    b"hello \n",
    b"for i in range(10):\n    pri",
)
