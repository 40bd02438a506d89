"""The pure parts of the benchmarks: what turns results of models into figures."""
