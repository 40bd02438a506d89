"""The subcommands, a module each; `tokkit.cli.registry` lists them.

A module has a function of its own name and `EXAMPLES`, pairs of a command line and what it does.
`tokenize` is the shortest to read first.
"""
