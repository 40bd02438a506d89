"""The subcommands, a line each, and the options of the whole.

The module and function of a subcommand bear its name. Nothing here imports one, nor typer: the help
of the whole and the completion of a name read these lines alone, and the rest is imported when it
is used.
"""

from __future__ import annotations

from typing import NamedTuple

ABOUT = """Look through tokenizers.

Exact byte-level probabilities, text and ensembles from models over tokens; audits, differences
and training mixtures of tokenizers.

MODEL is a packaged name (smollm2, gemma3), a GGUF file or a folder.
"""
MODELS = "Models"
TOKENIZERS = "Tokenizers"


class Entry(NamedTuple):
    """A subcommand.

    Attributes:
        name: also of the module in `tokkit.cli.commands`, and of the function in it.
        panel: under which the help lists it.
        summary: one line.
        aliases: other names.
    """

    name: str
    panel: str
    summary: str
    aliases: tuple[str, ...] = ()


ENTRIES = (
    Entry("complete", MODELS, "continue a text wherever it is cut, or fill in its middle"),
    Entry("ensemble", MODELS, "let several models continue a text together"),
    Entry("score", MODELS, "bits per byte of a text, for models side by side"),
    Entry("serve", MODELS, "models for editors, SDKs and harnesses, over HTTP"),
    Entry("transfer", MODELS, "give a model another tokenizer"),
    Entry("train", MODELS, "train a language model, a tokenizer, or what predicts rows of tokens"),
    Entry("tokenize", TOKENIZERS, "ids and byte pieces of a text", ("encode",)),
    Entry("audit", TOKENIZERS, "examine a tokenizer: vocabulary, cost of texts, safety"),
    Entry("compare", TOKENIZERS, "what your texts cost with several tokenizers"),
    Entry("diff", TOKENIZERS, "what is different between two tokenizers"),
    Entry("merge", TOKENIZERS, "join the frequent pairs of tokens of a batch of texts"),
    Entry("mixture", TOKENIZERS, "what a tokenizer's merges reveal about its training data"),
)

BY_NAME = {name: entry for entry in ENTRIES for name in (entry.name, *entry.aliases)}
"""Every name that a subcommand answers to."""


class OptionOfAll(NamedTuple):
    """An option that stands without a subcommand.

    Attributes:
        names: as the user may write it.
        metavar: of the value that may follow; empty for a flag.
        about: one line.
    """

    names: tuple[str, ...]
    metavar: str
    about: str


OPTIONS = {
    "version": OptionOfAll(("--version", "-V"), "", "print the version"),
    "install_completion": OptionOfAll(
        ("--install-completion",),
        "[SHELL]",
        "let bash, zsh or fish complete names, options and files",
    ),
    "show_completion": OptionOfAll(("--show-completion",), "[SHELL]", "print the script for that"),
    "show_help": OptionOfAll(("--help", "-h"), "", "show this message"),
}
