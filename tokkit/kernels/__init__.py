"""Numba kernels: arrays in, arrays out; nothing here knows the rest of tokkit."""
