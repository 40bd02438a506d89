"""Hypernetworks for zero-shot tokenizer transfer; import as `tokkit.hypernets`."""
