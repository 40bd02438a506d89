"""Torch modules, one paper a file; import as `tokkit.models`."""
