"""Change the tokenizer of a model: transfer without training, and hypernetworks.

Read `alignment` first (which old tokens a new one is spelled with), then `rows` (what a method
gives), the `heuristics`, and `transfer`, which puts a model together from them. `figures` is how it
went, and `transfer_report` tells it. Imports as `tokkit.hypernets`.
"""

from tokkit.hypernets.methods import METHODS

__all__ = ["METHODS"]
