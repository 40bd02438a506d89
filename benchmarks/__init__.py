"""Scripts that print the tables of the docs: a folder for each area, one question a script.

Each runs from the top of the repository as `python -m benchmarks.AREA.SCRIPT`; `--help` or the head
of the file tells its options. An area imports only its own modules and these two:

- `shared`: texts, records of long runs, intervals, and what a run ran on;
- `fetch`: real tokenizers, samples and parallel texts for the tests and the benchmarks.

`on_gpu` stands alone, and runs by its path as well: `python benchmarks/on_gpu.py`.

The areas: `encode` (speed of tokenizers), `bytelm` (cost and rounding of byte-level models),
`backends` (architectures of transformers, llama.cpp), `ensemble`, `boundary` (prompts cut inside
lines), `fim` (filling in the middle), `audit`, `mixture`, and `peer_tests` (the suites of other
libraries).
"""
